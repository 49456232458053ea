//! The program: hands its arguments to the command line and its exit code to the system.

use std::process::ExitCode;

/// Rows are made by the tasks that fetch and freed by the thread that writes, which the system's allocator
/// is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tallyd::cli::main().into()
}
