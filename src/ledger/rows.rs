//! Orchestrations as rows.

use rusqlite::types::{FromSqlError, Type, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, ToSql, params};

use crate::model::{Endpoint, Fingerprint, Identifier, Leg, Orchestration, Received, Timestamp, Tracked};

use super::counts;
use super::indexes::Lookup;

/// The columns of `orchestration` after `key`, in the order of [`Rows::add`] and [`read`].
macro_rules! columns {
    () => {
        "id, listed_by, profile_id, identity_id, account_id, customer_id, ref_id, source_asset, \
         destination_asset, source_amount, destination_amount, source_transfer_id, \
         source_transfer_status, destination_transfer_id, destination_transfer_status, status, \
         fail_reason, source_rail, source_account, source_address, source_network, source_memo, \
         destination_rail, destination_account, destination_address, destination_network, \
         destination_memo, orchestration_rule_id, created_at, updated_at, completed_at, \
         status_since, metadata, remainder, fingerprint"
    };
}

/// An orchestration in the ledger.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    /// The row's key.
    pub(super) key: i64,
    /// The key of the profile that listed it first.
    pub(super) listed_by: i64,
    /// The orchestration.
    pub(super) tracked: Tracked,
    /// The mark of the text that it was read from last.
    pub(super) fingerprint: Fingerprint,
}

/// Finds and adds rows, many one after the other.
pub(super) struct Rows<'c> {
    connection: &'c Connection,
    find: CachedStatement<'c>,
    insert: CachedStatement<'c>,
    insert_many: CachedStatement<'c>,
    lookup: Lookup,
}

/// A row to add.
pub(super) struct NewRow<'a> {
    /// Under which key.
    pub(super) key: i64,
    /// The row.
    pub(super) received: &'a Received,
    /// Since when it has its status.
    pub(super) status_since: Timestamp,
}

/// How many rows one statement adds. Beginning and ending a statement costs half as much as a row; more at once
/// gain nothing any more.
const AT_ONCE: usize = 20;

/// How many columns a row has, the key included.
const COLUMNS: usize = 36;

fn insertion_of(rows: usize) -> String {
    let row = format!("({})", ["?"; COLUMNS].join(", "));
    format!(
        "INSERT INTO orchestration (key, {}) VALUES {} ON CONFLICT (created_at, id) DO NOTHING",
        columns!(),
        vec![row; rows].join(", ")
    )
}

impl<'c> Rows<'c> {
    /// Rows that are found by what the indexes that exist allow.
    pub(super) fn new(connection: &'c Connection, lookup: Lookup) -> rusqlite::Result<Self> {
        let find = match lookup {
            Lookup::ById => concat!("SELECT key, ", columns!(), " FROM orchestration WHERE id = ?1"),
            Lookup::ByCreation => {
                concat!("SELECT key, ", columns!(), " FROM orchestration WHERE id = ?1 AND created_at = ?2")
            }
        };
        Ok(Self {
            connection,
            find: connection.prepare_cached(find)?,
            insert: connection.prepare_cached(&insertion_of(1))?,
            insert_many: connection.prepare_cached(&insertion_of(AT_ONCE))?,
            lookup,
        })
    }

    /// The row of this orchestration.
    pub(super) fn find(&mut self, row: &Orchestration) -> rusqlite::Result<Option<Stored>> {
        match self.lookup {
            Lookup::ById => self.find.query_row(params![row.id], read),
            Lookup::ByCreation => self.find.query_row(params![row.id, row.created_at], read),
        }
        .optional()
    }

    /// Adds rows that a profile lists, and says whether it did. It stops where an id with its `created_at` is
    /// there; what it added before that is for the caller to undo.
    pub(super) fn add(&mut self, listed_by: i64, rows: &[NewRow<'_>]) -> rusqlite::Result<bool> {
        let (many, single) = rows.as_chunks::<AT_ONCE>();
        for rows in many {
            if insert(&mut self.insert_many, listed_by, rows)? < AT_ONCE {
                return Ok(false);
            }
        }
        for row in single {
            if insert(&mut self.insert, listed_by, std::slice::from_ref(row))? == 0 {
                return Ok(false);
            }
        }
        let statuses = rows.iter().map(|row| &row.received.orchestration.status);
        counts::added(self.connection, listed_by, statuses)?;
        Ok(true)
    }
}

/// Runs an insertion of as many rows as are given.
fn insert(
    statement: &mut CachedStatement<'_>,
    listed_by: i64,
    rows: &[NewRow<'_>],
) -> rusqlite::Result<usize> {
    // Missing values are left unbound, which is NULL: binding is a good part of the cost of a row.
    statement.clear_bindings();
    for (at, row) in rows.iter().enumerate() {
        bind_row(statement, at * COLUMNS, listed_by, row)?;
    }
    statement.raw_execute()
}

/// Binds the columns of a row behind the parameter `before`.
fn bind_row(
    statement: &mut CachedStatement<'_>,
    before: usize,
    listed_by: i64,
    new: &NewRow<'_>,
) -> rusqlite::Result<()> {
    let row = &new.received.orchestration;
    let source = EndpointColumns::of(row.source.as_ref());
    let destination = EndpointColumns::of(row.destination.as_ref());
    let mut columns = Columns { statement, last: before };
    columns.bind(Some(&new.key))?;
    columns.bind(Some(&row.id))?;
    columns.bind(Some(&listed_by))?;
    columns.bind(row.profile_id.as_ref())?;
    columns.bind(row.identity_id.as_ref())?;
    columns.bind(row.account_id.as_ref())?;
    columns.bind(row.customer_id.as_ref())?;
    columns.bind(row.ref_id.as_ref())?;
    columns.bind(row.source_asset.as_ref())?;
    columns.bind(row.destination_asset.as_ref())?;
    columns.bind(row.source_amount.as_ref())?;
    columns.bind(row.destination_amount.as_ref())?;
    columns.bind(row.source_transfer.transfer_id.as_ref())?;
    columns.bind(row.source_transfer.status.as_ref())?;
    columns.bind(row.destination_transfer.transfer_id.as_ref())?;
    columns.bind(row.destination_transfer.status.as_ref())?;
    columns.bind(Some(&row.status))?;
    columns.bind(row.fail_reason.as_ref())?;
    columns.bind_endpoint(&source)?;
    columns.bind_endpoint(&destination)?;
    columns.bind(row.orchestration_rule_id.as_ref())?;
    columns.bind(Some(&row.created_at))?;
    columns.bind(row.updated_at.as_ref())?;
    columns.bind(row.completed_at.as_ref())?;
    columns.bind(Some(&new.status_since))?;
    columns.bind(row.metadata.as_ref())?;
    columns.bind(row.remainder.as_ref())?;
    columns.bind(Some(&new.received.fingerprint.number()))
}

/// The parameters of a statement, bound one after the other.
struct Columns<'s, 'c> {
    statement: &'s mut CachedStatement<'c>,
    last: usize,
}

impl Columns<'_, '_> {
    fn bind(&mut self, value: Option<&impl ToSql>) -> rusqlite::Result<()> {
        self.last += 1;
        value.map_or(Ok(()), |value| self.statement.raw_bind_parameter(self.last, value))
    }

    fn bind_endpoint(&mut self, columns: &EndpointColumns<'_>) -> rusqlite::Result<()> {
        self.bind(columns.rail.as_ref())?;
        self.bind(columns.account)?;
        self.bind(columns.address.as_ref())?;
        self.bind(columns.network.as_ref())?;
        self.bind(columns.memo.as_ref())
    }
}

/// Replaces the content of a row; its key, id and first profile stay.
pub(super) fn update(
    connection: &Connection,
    key: i64,
    tracked: &Tracked,
    fingerprint: Fingerprint,
) -> rusqlite::Result<()> {
    let row = &tracked.orchestration;
    let source = EndpointColumns::of(row.source.as_ref());
    let destination = EndpointColumns::of(row.destination.as_ref());
    let mut statement = connection.prepare_cached(
        "UPDATE orchestration SET profile_id = ?2, identity_id = ?3, account_id = ?4, customer_id = ?5, \
         ref_id = ?6, source_asset = ?7, destination_asset = ?8, source_amount = ?9, \
         destination_amount = ?10, source_transfer_id = ?11, source_transfer_status = ?12, \
         destination_transfer_id = ?13, destination_transfer_status = ?14, status = ?15, \
         fail_reason = ?16, source_rail = ?17, source_account = ?18, source_address = ?19, \
         source_network = ?20, source_memo = ?21, destination_rail = ?22, destination_account = ?23, \
         destination_address = ?24, destination_network = ?25, destination_memo = ?26, \
         orchestration_rule_id = ?27, created_at = ?28, updated_at = ?29, completed_at = ?30, \
         status_since = ?31, metadata = ?32, remainder = ?33, fingerprint = ?34 WHERE key = ?1",
    )?;
    statement.execute(params![
        key,
        row.profile_id,
        row.identity_id,
        row.account_id,
        row.customer_id,
        row.ref_id,
        row.source_asset,
        row.destination_asset,
        row.source_amount,
        row.destination_amount,
        row.source_transfer.transfer_id,
        row.source_transfer.status,
        row.destination_transfer.transfer_id,
        row.destination_transfer.status,
        row.status,
        row.fail_reason,
        source.rail,
        source.account,
        source.address,
        source.network,
        source.memo,
        destination.rail,
        destination.account,
        destination.address,
        destination.network,
        destination.memo,
        row.orchestration_rule_id,
        row.created_at,
        row.updated_at,
        row.completed_at,
        tracked.status_since,
        row.metadata,
        row.remainder,
        fingerprint.number(),
    ])?;
    Ok(())
}

/// The row with this id; without an index on ids this reads the whole table.
pub(super) fn find_by_id(connection: &Connection, id: &Identifier) -> rusqlite::Result<Option<Stored>> {
    connection
        .prepare_cached(concat!(
            "SELECT key, ",
            columns!(),
            " FROM orchestration WHERE id = ?1 ORDER BY key"
        ))?
        .query_row([id], read)
        .optional()
}

/// The row with this key.
pub(super) fn find_by_key(connection: &Connection, key: i64) -> rusqlite::Result<Option<Stored>> {
    connection
        .prepare_cached(concat!("SELECT key, ", columns!(), " FROM orchestration WHERE key = ?1"))?
        .query_row([key], read)
        .optional()
}

/// Reads `key` and the columns behind it.
fn read(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let orchestration = Orchestration {
        id: row.get(1)?,
        profile_id: row.get(3)?,
        identity_id: row.get(4)?,
        account_id: row.get(5)?,
        customer_id: row.get(6)?,
        ref_id: row.get(7)?,
        source_asset: row.get(8)?,
        destination_asset: row.get(9)?,
        source_amount: row.get(10)?,
        destination_amount: row.get(11)?,
        source_transfer: Leg { transfer_id: row.get(12)?, status: row.get(13)? },
        destination_transfer: Leg { transfer_id: row.get(14)?, status: row.get(15)? },
        status: row.get(16)?,
        fail_reason: row.get(17)?,
        source: read_endpoint(row, 18)?,
        destination: read_endpoint(row, 23)?,
        orchestration_rule_id: row.get(28)?,
        created_at: row.get(29)?,
        updated_at: row.get(30)?,
        completed_at: row.get(31)?,
        metadata: row.get(33)?,
        remainder: row.get(34)?,
    };
    let tracked = Tracked { orchestration, status_since: row.get(32)? };
    let fingerprint = Fingerprint::from_number(row.get(35)?);
    Ok(Stored { key: row.get(0)?, listed_by: row.get(2)?, tracked, fingerprint })
}

/// The numbers in `source_rail` and `destination_rail`; the views depend on them.
pub(super) const RAIL_PROFILE: i64 = 1;
pub(super) const RAIL_CRYPTO: i64 = 2;
pub(super) const RAIL_FIAT: i64 = 3;

/// One endpoint as five columns.
#[derive(Default)]
struct EndpointColumns<'a> {
    rail: Option<i64>,
    account: Option<&'a Identifier>,
    address: Option<&'a str>,
    network: Option<&'a str>,
    memo: Option<&'a str>,
}

impl<'a> EndpointColumns<'a> {
    fn of(endpoint: Option<&'a Endpoint>) -> Self {
        match endpoint {
            None => Self::default(),
            Some(Endpoint::Profile { profile_id }) => {
                Self { rail: Some(RAIL_PROFILE), account: Some(profile_id), ..Self::default() }
            }
            Some(Endpoint::Crypto { address, network, address_id }) => Self {
                rail: Some(RAIL_CRYPTO),
                account: address_id.as_ref(),
                address: address.as_deref(),
                network: network.as_deref(),
                memo: None,
            },
            Some(Endpoint::Fiat { account_id, memo }) => Self {
                rail: Some(RAIL_FIAT),
                account: account_id.as_ref(),
                memo: memo.as_deref(),
                ..Self::default()
            },
        }
    }
}

/// Reads an endpoint from the five columns that begin at `first`. A value that the rail has no place for
/// would be seen by nobody but the views' users, so it makes the row unreadable.
fn read_endpoint(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Endpoint>> {
    let [account, address, network, memo] = [first + 1, first + 2, first + 3, first + 4];
    let none_in = |columns: &[usize]| {
        columns.iter().try_for_each(|&column| match row.get_ref(column)? {
            ValueRef::Null => Ok(()),
            other => {
                let cause = Box::new(FromSqlError::InvalidType);
                Err(rusqlite::Error::FromSqlConversionFailure(column, other.data_type(), cause))
            }
        })
    };
    let Some(rail) = row.get::<_, Option<i64>>(first)? else {
        none_in(&[account, address, network, memo])?;
        return Ok(None);
    };
    Ok(Some(match rail {
        RAIL_PROFILE => {
            none_in(&[address, network, memo])?;
            Endpoint::Profile { profile_id: row.get(account)? }
        }
        RAIL_CRYPTO => {
            none_in(&[memo])?;
            Endpoint::Crypto {
                address: row.get(address)?,
                network: row.get(network)?,
                address_id: row.get(account)?,
            }
        }
        RAIL_FIAT => {
            none_in(&[address, network])?;
            Endpoint::Fiat { account_id: row.get(account)?, memo: row.get(memo)? }
        }
        other => {
            let cause = Box::new(FromSqlError::OutOfRange(other));
            return Err(rusqlite::Error::FromSqlConversionFailure(first, Type::Integer, cause));
        }
    }))
}

/// Why a row cannot be read, by the name of the column.
pub(super) fn told(error: &rusqlite::Error) -> String {
    let (index, cause) = match error {
        rusqlite::Error::FromSqlConversionFailure(index, _, cause) => (*index, cause.to_string()),
        rusqlite::Error::InvalidColumnType(index, _, kind) => (*index, format!("it is {kind}")),
        other => return other.to_string(),
    };
    let column = index.checked_sub(1).and_then(|index| columns!().split(", ").nth(index));
    format!("{}: {cause}", column.unwrap_or("key"))
}

/// Every row, by the time of its creation.
pub(super) fn for_each(connection: &Connection, mut then: impl FnMut(Stored)) -> Result<(), super::Problem> {
    let mut statement = connection.prepare(concat!(
        "SELECT key, ",
        columns!(),
        " FROM orchestration ORDER BY created_at, id"
    ))?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        then(read(row)?);
    }
    Ok(())
}

/// Every row with its key, by key, one after the other, also those that cannot be read; stops at the
/// first error of `then`.
pub(super) fn by_key(
    connection: &Connection,
    then: impl FnMut(i64, rusqlite::Result<Stored>) -> Result<(), super::Problem>,
) -> Result<(), super::Problem> {
    by_key_where(connection, "1", then)
}

/// The same of those for which a condition holds.
pub(super) fn by_key_where(
    connection: &Connection,
    condition: &str,
    mut then: impl FnMut(i64, rusqlite::Result<Stored>) -> Result<(), super::Problem>,
) -> Result<(), super::Problem> {
    let columns = columns!();
    let mut statement = connection
        .prepare(&format!("SELECT key, {columns} FROM orchestration WHERE {condition} ORDER BY key"))?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        then(row.get(0)?, read(row))?;
    }
    Ok(())
}
