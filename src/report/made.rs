//! A report in short, as sinks are told of it.

use std::path::Path;

use crate::model::{Completeness, MadeFile, MadeReport, Proof, ReportCounts};

use super::account::Account;
use super::forms::sha256;
use super::{Report, ReportFile};

impl Report {
    /// What sinks are told of it, with its files in a folder, the manifest last.
    pub fn made(&self, directory: &Path, files: &[ReportFile]) -> MadeReport {
        let period = &self.plan.period;
        MadeReport {
            name: self.plan.name.clone().unwrap_or_else(|| "report".to_owned()),
            period: period.name(),
            title: self.title(),
            from: period.from,
            to: period.to,
            period_words: period.to_string(),
            proof: if self.ties_out() { Proof::TiesOut } else { Proof::LeftOver },
            completeness: if self.is_covered() { Completeness::Covered } else { Completeness::NotCovered },
            sentences: self.sentences(),
            counts: self.counts(),
            directory: directory.to_owned(),
            files: files
                .iter()
                .map(|file| MadeFile {
                    name: file.name.clone(),
                    bytes: file.content.len() as u64,
                    sha256: sha256(&file.content),
                })
                .collect(),
            manifest: files.last().map(|manifest| manifest.content.clone()).unwrap_or_default(),
        }
    }

    /// How many orchestrations, over all accounts.
    fn counts(&self) -> ReportCounts {
        let sum = |of: &dyn Fn(&Account) -> i64| self.accounts.iter().map(|(_, account)| of(account)).sum();
        ReportCounts {
            opening: sum(&|account| account.opening.count),
            created: sum(&|account| account.created.count),
            adjusted: sum(&|account| account.adjustments.values().map(|measure| measure.count).sum()),
            completed: sum(&|account| account.completed.count),
            failed: sum(&|account| account.failed.count),
            rejected: sum(&|account| account.rejected.count),
            closing: sum(&|account| account.closing.count),
            restated: self.restatements.counts.values().sum(),
        }
    }
}
