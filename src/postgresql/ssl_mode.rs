//! libpq's `sslmode`: whether the connection to a server is encrypted.

use std::path::PathBuf;

/// What `sslmode` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// `disable`, `prefer`, or not said.
    Off,
    /// `require`: nobody can listen, but the server may be another one than it says.
    Unverified,
    /// `verify-full`: the server has a certificate for its name from an authority that the system trusts, or from one
    /// in the file of `sslrootcert`.
    Verified { authorities: Option<PathBuf> },
}

impl Encryption {
    /// # Errors
    /// A value of `sslmode` that is unknown or not supported.
    pub(super) fn new(mode: Option<&str>, authorities: Option<String>) -> Result<Self, &'static str> {
        match mode {
            None | Some("disable" | "prefer" | "allow") => Ok(Self::Off),
            Some("require") => Ok(Self::Unverified),
            Some("verify-full") => {
                let authorities = authorities.filter(|file| file != "system").map(PathBuf::from);
                Ok(Self::Verified { authorities })
            }
            Some("verify-ca") => Err("sslmode=verify-ca is not supported, write verify-full"),
            Some(_) => Err("invalid value for option `sslmode`"),
        }
    }
}
