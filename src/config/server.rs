//! The listener: where it listens and which tokens open it.

use std::net::SocketAddr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Environment;
use super::complaint::Complaint;
use super::findings::{Findings, Reported};
use super::secret::{self, Keys, TOKEN};
use super::settings::{ServerConfig, TokenConfig};
use super::table::{Placed, Table};
use super::value;

const METRICS_TOKEN: Keys = Keys {
    file: "metrics_token_file",
    variable: "metrics_token_env",
    credential: "metrics_token_credential",
    noun: "metrics token",
};

/// The listener of the file; `None` where it has none.
pub(super) fn read(
    root: &DeTable<'_>,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<Option<ServerConfig>, Reported> {
    let Some(value) = root.get("server") else { return Ok(None) };
    let table = Table::open("server", "server".to_owned(), value, findings)?;
    let listen = table.required("listen", "\"127.0.0.1:9464\"", findings, address);
    let token = self::token(&table, &TOKEN, environment, findings);
    let metrics_token = self::token(&table, &METRICS_TOKEN, environment, findings);
    let (listen, token, metrics_token) = (listen?, token?, metrics_token?);
    if token.is_none() && metrics_token.is_none() {
        refuse_public(&table, &listen, findings)?;
    }
    Ok(Some(ServerConfig { listen: listen.into_inner(), token, metrics_token }))
}

fn token(
    table: &Table<'_>,
    keys: &Keys,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<Option<TokenConfig>, Reported> {
    let found = secret::optional(table, keys, environment, findings)?;
    Ok(found.map(|(secret, source)| TokenConfig { secret, source }))
}

fn address(value: &DeValue<'_>) -> Result<SocketAddr, Complaint> {
    value::text(value)?.parse().map_err(|_| {
        value::mismatch("an IP address and a port", value)
            .help("as in \"127.0.0.1:9464\" or \"[::1]:9464\"; names are not looked up")
    })
}

/// What others can reach is not open to them.
fn refuse_public(
    table: &Table<'_>,
    listen: &Placed<SocketAddr>,
    findings: &mut Findings<'_>,
) -> Result<(), Reported> {
    if Spanned::get_ref(listen).ip().is_loopback() {
        return Ok(());
    }
    let complaint = Complaint::new(
        "other machines can reach this address, and no token guards what is there",
    )
    .help(
        "listen on 127.0.0.1 or [::1], or add `metrics_token_file = \"/etc/tallyd/metrics-token\"` and have \
         the scraper send it",
    );
    Err(findings.fault(listen.span(), &table.label("listen"), complaint))
}
