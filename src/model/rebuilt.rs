//! An orchestration as it was: another one with some values replaced.

use std::collections::BTreeMap;

use super::{Amount, Endpoint, Field, Identifier, LegStatus, Orchestration, Status, Timestamp};

impl Orchestration {
    /// This one with `values`, in the text in which they are journalled, in the place of its own; `None` where a
    /// text can be no value of its field.
    #[must_use]
    pub fn with(&self, values: &BTreeMap<Field, Option<String>>) -> Option<Self> {
        let mut row = self.clone();
        for (&field, value) in values {
            let text = value.as_deref();
            let id = || text.map(Identifier::new);
            let amount = || text.map(Amount::parse).transpose().ok();
            let time = || text.map(Timestamp::parse_rfc3339).transpose().ok();
            match field {
                Field::ProfileId => row.profile_id = id(),
                Field::IdentityId => row.identity_id = id(),
                Field::AccountId => row.account_id = id(),
                Field::CustomerId => row.customer_id = id(),
                Field::RefId => row.ref_id = id(),
                Field::SourceAsset => row.source_asset = text.map(Into::into),
                Field::DestinationAsset => row.destination_asset = text.map(Into::into),
                Field::SourceAmount => row.source_amount = amount()?,
                Field::DestinationAmount => row.destination_amount = amount()?,
                Field::SourceTransferId => row.source_transfer.transfer_id = id(),
                Field::SourceTransferStatus => row.source_transfer.status = text.map(LegStatus::new),
                Field::DestinationTransferId => row.destination_transfer.transfer_id = id(),
                Field::DestinationTransferStatus => {
                    row.destination_transfer.status = text.map(LegStatus::new);
                }
                Field::Status => row.status = Status::new(text?),
                Field::FailReason => row.fail_reason = text.map(Into::into),
                Field::OrchestrationRuleId => row.orchestration_rule_id = id(),
                Field::CreatedAt => row.created_at = time()??,
                Field::UpdatedAt => row.updated_at = time()?,
                Field::CompletedAt => row.completed_at = time()?,
                Field::Metadata => row.metadata = text.map(Into::into),
                Field::Remainder => row.remainder = text.map(Into::into),
                // The ends are made anew from all of their values.
                Field::SourceProfileId
                | Field::SourceAddress
                | Field::SourceNetwork
                | Field::SourceAddressId
                | Field::SourceDepositInstructionsId
                | Field::SourceMemo
                | Field::DestinationProfileId
                | Field::DestinationAddress
                | Field::DestinationNetwork
                | Field::DestinationAddressId
                | Field::DestinationBankAccountId
                | Field::DestinationMemo => {}
            }
        }
        let value = |field: Field| match values.get(&field) {
            Some(value) => value.clone(),
            None => self.value(field).map(|value| value.to_string()),
        };
        if Field::SOURCE.iter().any(|field| values.contains_key(field)) {
            row.source = endpoint(Field::SOURCE.map(value));
        }
        if Field::DESTINATION.iter().any(|field| values.contains_key(field)) {
            row.destination = endpoint(Field::DESTINATION.map(value));
        }
        Some(row)
    }
}

/// The end with these values, in the order of [`Field::SOURCE`]; each kind of end has some of its own.
fn endpoint(values: [Option<String>; 6]) -> Option<Endpoint> {
    let id = |text: Option<String>| text.map(|text| Identifier::new(&text));
    let text = |text: Option<String>| text.map(Into::into);
    let [profile, address, network, address_id, account, memo] = values;
    if let Some(profile) = profile {
        return Some(Endpoint::Profile { profile_id: Identifier::new(&profile) });
    }
    if address.is_some() || network.is_some() || address_id.is_some() {
        let (address, network) = (text(address), text(network));
        return Some(Endpoint::Crypto { address, network, address_id: id(address_id) });
    }
    (account.is_some() || memo.is_some())
        .then(|| Endpoint::Fiat { account_id: id(account), memo: text(memo) })
}
