//! The plant's vocabulary: tags, samples, quality, time, assets, roles.
//!
//! Pure data with checked constructors. Nothing here knows a protocol, a file or a clock, and nothing
//! here is serialised: stored and sent formats live in [`crate::record`].

mod asset;
mod cause;
mod quality;
mod quantile;
mod role;
mod sample;
mod time;
mod whole;
mod zone;

pub use asset::{AssetPath, AssetPathError};
pub use cause::with_causes;
pub use quality::{Quality, Reason};
pub use quantile::quantile;
pub use role::{Role, RoleError, Severity};
pub use sample::{Batch, DeviceId, GroupId, Sample, ShortText, TagId, Value};
pub use time::{Mono, Now, Timestamp};
pub use whole::whole;
pub use zone::{LocalTime, Zone};
