//! The forms of a report, and the files that they come to, with a manifest that proves them.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::ledger::Standing;
use crate::model::ReportForm as Form;

use super::{Report, csv, html, json, markdown, text};

/// A file of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub content: String,
}

/// A report could not be put into a form.
#[derive(Debug, thiserror::Error)]
#[error("failed to put the report into the form {form}")]
pub struct FormError {
    form: &'static str,
    #[source]
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

fn failed(form: Form) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> FormError {
    move |cause| FormError { form: form.as_str(), cause: Some(cause) }
}

/// What proves the files of a report.
#[derive(Serialize)]
struct Manifest<'a> {
    version: u32,
    report: &'a str,
    title: String,
    period_from: String,
    period_to: String,
    time_zone: &'static str,
    as_of: String,
    standing: &'static str,
    journal_head: String,
    covered: bool,
    ties_out: bool,
    tallyd_version: &'static str,
    configuration_sha256: &'a str,
    files: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    bytes: usize,
    sha256: String,
}

/// Where a name says that it is a manifest.
pub const MANIFEST_END: &str = ".manifest.json";

impl Report {
    /// What its files are called, before the dot: one that is made by another place than the one that counts has
    /// another name, so that neither ever takes the place of the other.
    pub fn stem(&self) -> String {
        let name = self.plan.name.as_deref().unwrap_or("report");
        let period = self.plan.period.name();
        let batch = self.basis.closing.batch;
        match self.basis.standing {
            Standing::Settled => format!("{name}-{period}"),
            Standing::Provisional => format!("{name}-{period}.provisional-{batch}"),
            Standing::Later => format!("{name}-{period}.as-of-{batch}"),
        }
    }

    /// It in one form, as one text. Of CSV it is the table of this name.
    ///
    /// # Errors
    ///
    /// Where that cannot be done.
    pub fn in_form(&self, form: Form) -> Result<String, FormError> {
        match form {
            Form::Text => Ok(text::of(self)),
            Form::Markdown => Ok(markdown::of(self)),
            Form::Html => html::of(self).map_err(|error| failed(form)(error.into())),
            Form::Json => json::of(self).map_err(|error| failed(form)(error.into())),
            Form::Csv => {
                let table = self.tables().into_iter().next();
                table.and_then(|table| csv::of(&table)).ok_or(FormError { form: form.as_str(), cause: None })
            }
        }
    }

    /// Its files in these forms, the manifest last. `configuration` is what all of the configuration that matters to a
    /// report comes to.
    ///
    /// # Errors
    ///
    /// Where one cannot be made.
    pub fn files(&self, forms: &[Form], configuration: &str) -> Result<Vec<ReportFile>, FormError> {
        let stem = self.stem();
        let mut files = Vec::new();
        for form in Form::ALL.into_iter().filter(|form| forms.contains(form)) {
            let end = match form {
                Form::Text => "txt",
                Form::Markdown => "md",
                Form::Html => "html",
                Form::Json => "json",
                Form::Csv => {
                    for table in self.tables() {
                        let content =
                            csv::of(&table).ok_or(FormError { form: form.as_str(), cause: None })?;
                        files.push(ReportFile { name: format!("{stem}.{}.csv", table.name), content });
                    }
                    continue;
                }
            };
            files.push(ReportFile { name: format!("{stem}.{end}"), content: self.in_form(form)? });
        }
        let content = self.manifest(&files, configuration)?;
        files.push(ReportFile { name: format!("{stem}{MANIFEST_END}"), content });
        Ok(files)
    }

    fn manifest(&self, files: &[ReportFile], configuration: &str) -> Result<String, FormError> {
        let manifest = Manifest {
            version: 1,
            report: self.plan.name.as_deref().unwrap_or("report"),
            title: self.title(),
            period_from: self.plan.period.from.to_rfc3339(),
            period_to: self.plan.period.to.to_rfc3339(),
            time_zone: self.plan.period.zone.name(),
            as_of: self.as_of(),
            standing: match self.basis.standing {
                Standing::Settled => "settled",
                Standing::Provisional => "provisional",
                Standing::Later => "later",
            },
            journal_head: self.basis.closing.note(),
            covered: self.is_covered(),
            ties_out: self.ties_out(),
            tallyd_version: env!("CARGO_PKG_VERSION"),
            configuration_sha256: &sha256(configuration),
            files: files
                .iter()
                .map(|file| Listed {
                    name: &file.name,
                    bytes: file.content.len(),
                    sha256: sha256(&file.content),
                })
                .collect(),
        };
        let mut text =
            serde_json::to_string_pretty(&manifest).map_err(|error| failed(Form::Json)(error.into()))?;
        text.push('\n');
        Ok(text)
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(content: impl AsRef<[u8]>) -> String {
    Sha256::digest(content.as_ref()).iter().map(|byte| format!("{byte:02x}")).collect()
}
