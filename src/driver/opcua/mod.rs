//! OPC UA client: polled Read or a resampled subscription, certificates pinned per device, never a weaker mode than
//! the configured one.
//!
//! | file | purity | what it does |
//! |---|---|---|
//! | `node`, `value`, `quality`, `time` | pure | addresses, types, status codes, time stamps in the plant's words |
//! | `plan`, `batch`, `suggest` | pure | a session's nodes, samples, refused tags; sizes of requests; near addresses |
//! | `client`, `explain`, `certificate` | pure | library set-up, choice of endpoint, errors and certificates in words |
//! | `pki` | edge | certificate files |
//! | `connection`, `request`, `subscribe` | edge | session, batched reads, monitored items |
//! | `driver` | edge | [`OpcUaDriver`] |
//! | `browse`, `probe` | edge | `andon browse`, `andon check --live` |

mod batch;
mod browse;
mod certificate;
mod client;
mod connection;
mod driver;
mod explain;
mod node;
mod pki;
mod plan;
mod probe;
mod quality;
mod request;
mod subscribe;
mod suggest;
mod time;
mod value;

#[cfg(test)]
mod batch_tests;
#[cfg(test)]
mod live_tests;
#[cfg(test)]
mod testing;

pub use browse::{Bounds, BrowseRequest, FoundVariable, Listing, list_variables};
pub use certificate::CertificateWords;
pub use driver::OpcUaDriver;
pub use pki::{Pki, PkiError, ServerCertificate, Trust};
pub use probe::probe;
pub use quality::quality_of_code;
