//! Modbus TCP server with faults at frame level.
//!
//! Own framing, because a library cannot be asked for half a frame or another transaction id.
//! MBAP header, 7 bytes (MODBUS Messaging on TCP/IP V1.0b, 3.1.3), then the PDU:
//!
//! ```text
//! 0-1 transaction id | 2-3 protocol id = 0 | 4-5 length of the rest | 6 unit id | 7.. function, data
//! ```
//!
//! Functions 1, 2, 3, 4 read; 5, 6, 15, 16 write setpoints. Exceptions: 1 unknown function, 2 address that no
//! signal uses, 3 quantity out of range, 6 busy, 0x0B no such unit.

mod encode;
mod image;
mod listener;
mod pdu;
mod switch;

pub use encode::{Raw, encode};
pub use image::{SharedImage, UnitImage};
pub(crate) use listener::{Listener, ListenerSetup, ServedUnit};
pub use pdu::{Answer, answer};
pub use switch::{UnitFault, UnitSwitch};
