//! The fields of an orchestration, one by one.
//!
//! Comparing, digesting and undoing all walk over the same list, so none of them can forget a field.

use std::fmt;

use super::{Amount, Endpoint, Identifier, Orchestration, Timestamp};

/// A field of an [`Orchestration`], all but its `id`.
///
/// The order and the numbers are part of the journal's format: append, never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Field {
    /// `profile_id`
    ProfileId = 1,
    /// `identity_id`
    IdentityId = 2,
    /// `account_id`
    AccountId = 3,
    /// `customer_id`
    CustomerId = 4,
    /// `ref_id`
    RefId = 5,
    /// `source_asset`
    SourceAsset = 6,
    /// `destination_asset`
    DestinationAsset = 7,
    /// `source_amount`
    SourceAmount = 8,
    /// `destination_amount`
    DestinationAmount = 9,
    /// `source_transfer.transfer_id`
    SourceTransferId = 10,
    /// `source_transfer.status`
    SourceTransferStatus = 11,
    /// `destination_transfer.transfer_id`
    DestinationTransferId = 12,
    /// `destination_transfer.status`
    DestinationTransferStatus = 13,
    /// `status`
    Status = 14,
    /// `fail_reason.detail`
    FailReason = 15,
    /// `source.profile.profile_id`
    SourceProfileId = 16,
    /// `source.crypto.address`
    SourceAddress = 17,
    /// `source.crypto.network`
    SourceNetwork = 18,
    /// `source.crypto.address_id`
    SourceAddressId = 19,
    /// `source.fiat.deposit_instructions_id`
    SourceDepositInstructionsId = 20,
    /// `source.fiat.memo`
    SourceMemo = 21,
    /// `destination.profile.profile_id`
    DestinationProfileId = 22,
    /// `destination.crypto.address`
    DestinationAddress = 23,
    /// `destination.crypto.network`
    DestinationNetwork = 24,
    /// `destination.crypto.address_id`
    DestinationAddressId = 25,
    /// `destination.fiat.bank_account_id`
    DestinationBankAccountId = 26,
    /// `destination.fiat.memo`
    DestinationMemo = 27,
    /// `orchestration_rule_id`
    OrchestrationRuleId = 28,
    /// `created_at`
    CreatedAt = 29,
    /// `updated_at`
    UpdatedAt = 30,
    /// `completed_at`
    CompletedAt = 31,
    /// `metadata`
    Metadata = 32,
    /// Everything that this version has no field for.
    Remainder = 33,
}

impl Field {
    /// The fields of the source.
    pub const SOURCE: [Self; 6] = [
        Self::SourceProfileId,
        Self::SourceAddress,
        Self::SourceNetwork,
        Self::SourceAddressId,
        Self::SourceDepositInstructionsId,
        Self::SourceMemo,
    ];

    /// The fields of the destination, in the same order.
    pub const DESTINATION: [Self; 6] = [
        Self::DestinationProfileId,
        Self::DestinationAddress,
        Self::DestinationNetwork,
        Self::DestinationAddressId,
        Self::DestinationBankAccountId,
        Self::DestinationMemo,
    ];

    /// Every field, in the order of the journal's format.
    pub const ALL: [Self; 33] = [
        Self::ProfileId,
        Self::IdentityId,
        Self::AccountId,
        Self::CustomerId,
        Self::RefId,
        Self::SourceAsset,
        Self::DestinationAsset,
        Self::SourceAmount,
        Self::DestinationAmount,
        Self::SourceTransferId,
        Self::SourceTransferStatus,
        Self::DestinationTransferId,
        Self::DestinationTransferStatus,
        Self::Status,
        Self::FailReason,
        Self::SourceProfileId,
        Self::SourceAddress,
        Self::SourceNetwork,
        Self::SourceAddressId,
        Self::SourceDepositInstructionsId,
        Self::SourceMemo,
        Self::DestinationProfileId,
        Self::DestinationAddress,
        Self::DestinationNetwork,
        Self::DestinationAddressId,
        Self::DestinationBankAccountId,
        Self::DestinationMemo,
        Self::OrchestrationRuleId,
        Self::CreatedAt,
        Self::UpdatedAt,
        Self::CompletedAt,
        Self::Metadata,
        Self::Remainder,
    ];

    /// The path of the field in the API's JSON.
    pub const fn path(self) -> &'static str {
        match self {
            Self::ProfileId => "profile_id",
            Self::IdentityId => "identity_id",
            Self::AccountId => "account_id",
            Self::CustomerId => "customer_id",
            Self::RefId => "ref_id",
            Self::SourceAsset => "source_asset",
            Self::DestinationAsset => "destination_asset",
            Self::SourceAmount => "source_amount",
            Self::DestinationAmount => "destination_amount",
            Self::SourceTransferId => "source_transfer.transfer_id",
            Self::SourceTransferStatus => "source_transfer.status",
            Self::DestinationTransferId => "destination_transfer.transfer_id",
            Self::DestinationTransferStatus => "destination_transfer.status",
            Self::Status => "status",
            Self::FailReason => "fail_reason.detail",
            Self::SourceProfileId => "source.profile.profile_id",
            Self::SourceAddress => "source.crypto.address",
            Self::SourceNetwork => "source.crypto.network",
            Self::SourceAddressId => "source.crypto.address_id",
            Self::SourceDepositInstructionsId => "source.fiat.deposit_instructions_id",
            Self::SourceMemo => "source.fiat.memo",
            Self::DestinationProfileId => "destination.profile.profile_id",
            Self::DestinationAddress => "destination.crypto.address",
            Self::DestinationNetwork => "destination.crypto.network",
            Self::DestinationAddressId => "destination.crypto.address_id",
            Self::DestinationBankAccountId => "destination.fiat.bank_account_id",
            Self::DestinationMemo => "destination.fiat.memo",
            Self::OrchestrationRuleId => "orchestration_rule_id",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::CompletedAt => "completed_at",
            Self::Metadata => "metadata",
            Self::Remainder => "(other fields)",
        }
    }

    /// The field with this path.
    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.path() == path)
    }

    /// The field's number in the journal's format.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.path())
    }
}

/// The value of a field, borrowed, with the meaning by which it compares.
#[derive(Clone, Copy, Debug)]
pub enum FieldValue<'a> {
    /// An identifier: equal only to the same text.
    Id(&'a Identifier),
    /// A word or text: equal only to the same text.
    Text(&'a str),
    /// An amount: equal as a decimal.
    Amount(&'a Amount),
    /// An instant: equal as an instant.
    Time(Timestamp),
    /// JSON text: equal as JSON, whatever the order of its keys.
    Json(&'a str),
}

impl FieldValue<'_> {
    /// Whether both mean the same.
    pub fn means_the_same(&self, other: &FieldValue<'_>) -> bool {
        match (self, other) {
            (FieldValue::Id(one), FieldValue::Id(two)) => one == two,
            (FieldValue::Text(one), FieldValue::Text(two)) => one == two,
            (FieldValue::Amount(one), FieldValue::Amount(two)) => one == two,
            (FieldValue::Time(one), FieldValue::Time(two)) => one == two,
            (FieldValue::Json(one), FieldValue::Json(two)) => one == two || same_json(one, two),
            _ => false,
        }
    }
}

fn same_json(one: &str, two: &str) -> bool {
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    matches!((parse(one), parse(two)), (Some(one), Some(two)) if one == two)
}

/// The text that is shown and journalled: an instant as RFC 3339, all else as it came.
impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldValue::Id(id) => fmt::Display::fmt(id, formatter),
            FieldValue::Text(text) | FieldValue::Json(text) => formatter.write_str(text),
            FieldValue::Amount(amount) => fmt::Display::fmt(amount, formatter),
            FieldValue::Time(time) => fmt::Display::fmt(time, formatter),
        }
    }
}

impl Orchestration {
    /// The value of a field, `None` where it is missing.
    pub fn value(&self, field: Field) -> Option<FieldValue<'_>> {
        match field {
            Field::ProfileId => id(&self.profile_id),
            Field::IdentityId => id(&self.identity_id),
            Field::AccountId => id(&self.account_id),
            Field::CustomerId => id(&self.customer_id),
            Field::RefId => id(&self.ref_id),
            Field::SourceAsset => text(&self.source_asset),
            Field::DestinationAsset => text(&self.destination_asset),
            Field::SourceAmount => self.source_amount.as_ref().map(FieldValue::Amount),
            Field::DestinationAmount => self.destination_amount.as_ref().map(FieldValue::Amount),
            Field::SourceTransferId => id(&self.source_transfer.transfer_id),
            Field::SourceTransferStatus => leg_status(&self.source_transfer),
            Field::DestinationTransferId => id(&self.destination_transfer.transfer_id),
            Field::DestinationTransferStatus => leg_status(&self.destination_transfer),
            Field::Status => Some(FieldValue::Text(self.status.as_str())),
            Field::FailReason => text(&self.fail_reason),
            Field::SourceProfileId => profile_id(self.source.as_ref()),
            Field::SourceAddress => address(self.source.as_ref()),
            Field::SourceNetwork => network(self.source.as_ref()),
            Field::SourceAddressId => address_id(self.source.as_ref()),
            Field::SourceDepositInstructionsId => fiat_account(self.source.as_ref()),
            Field::SourceMemo => memo(self.source.as_ref()),
            Field::DestinationProfileId => profile_id(self.destination.as_ref()),
            Field::DestinationAddress => address(self.destination.as_ref()),
            Field::DestinationNetwork => network(self.destination.as_ref()),
            Field::DestinationAddressId => address_id(self.destination.as_ref()),
            Field::DestinationBankAccountId => fiat_account(self.destination.as_ref()),
            Field::DestinationMemo => memo(self.destination.as_ref()),
            Field::OrchestrationRuleId => id(&self.orchestration_rule_id),
            Field::CreatedAt => Some(FieldValue::Time(self.created_at)),
            Field::UpdatedAt => self.updated_at.map(FieldValue::Time),
            Field::CompletedAt => self.completed_at.map(FieldValue::Time),
            Field::Metadata => json(&self.metadata),
            Field::Remainder => json(&self.remainder),
        }
    }
}

fn id(id: &Option<Identifier>) -> Option<FieldValue<'_>> {
    id.as_ref().map(FieldValue::Id)
}

fn text(text: &Option<Box<str>>) -> Option<FieldValue<'_>> {
    text.as_deref().map(FieldValue::Text)
}

fn json(text: &Option<Box<str>>) -> Option<FieldValue<'_>> {
    text.as_deref().map(FieldValue::Json)
}

fn leg_status(leg: &super::Leg) -> Option<FieldValue<'_>> {
    leg.status.as_ref().map(|status| FieldValue::Text(status.as_str()))
}

fn profile_id(endpoint: Option<&Endpoint>) -> Option<FieldValue<'_>> {
    match endpoint {
        Some(Endpoint::Profile { profile_id }) => Some(FieldValue::Id(profile_id)),
        _ => None,
    }
}

fn address(endpoint: Option<&Endpoint>) -> Option<FieldValue<'_>> {
    match endpoint {
        Some(Endpoint::Crypto { address, .. }) => address.as_deref().map(FieldValue::Text),
        _ => None,
    }
}

fn network(endpoint: Option<&Endpoint>) -> Option<FieldValue<'_>> {
    match endpoint {
        Some(Endpoint::Crypto { network, .. }) => network.as_deref().map(FieldValue::Text),
        _ => None,
    }
}

fn address_id(endpoint: Option<&Endpoint>) -> Option<FieldValue<'_>> {
    match endpoint {
        Some(Endpoint::Crypto { address_id, .. }) => address_id.as_ref().map(FieldValue::Id),
        _ => None,
    }
}

fn fiat_account(endpoint: Option<&Endpoint>) -> Option<FieldValue<'_>> {
    match endpoint {
        Some(Endpoint::Fiat { account_id, .. }) => account_id.as_ref().map(FieldValue::Id),
        _ => None,
    }
}

fn memo(endpoint: Option<&Endpoint>) -> Option<FieldValue<'_>> {
    match endpoint {
        Some(Endpoint::Fiat { memo, .. }) => memo.as_deref().map(FieldValue::Text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_paths_are_unique_and_in_order() {
        for (index, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(field.number()), index + 1);
            assert_eq!(Field::from_path(field.path()), Some(field));
        }
    }

    #[test]
    fn json_compares_by_meaning_and_exactly() {
        let same = |one, two| FieldValue::Json(one).means_the_same(&FieldValue::Json(two));
        assert!(same(r#"{"a":1,"b":[2]}"#, r#"{ "b": [2], "a": 1 }"#));
        assert!(!same(r#"{"a":10000000000000000001}"#, r#"{"a":10000000000000000002}"#));
    }
}
