//! Cases that failed once, made small: of faults that were real, and of breaks that were made on purpose.
