//! Why a scenario cannot be run.

/// A scenario that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("read scenario {path}")]
    Read {
        /// Which file.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The text is not TOML, or has unknown or mistyped keys; the text names line and column.
    #[error("parse scenario: {0}")]
    Syntax(Box<toml::de::Error>),
    /// Keys that are well-formed but wrong, all of them, one per line.
    #[error("scenario has {} fault(s):\n{}", .0.len(), .0.join("\n"))]
    Faults(Vec<String>),
}
