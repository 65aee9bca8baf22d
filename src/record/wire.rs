//! The compact wire form of a record, MQTT payload format `postcard`.
//!
//! ```text
//! offset  bytes     content
//! 0       1         wire version: 1
//! 1       varint    length of the gateway id in bytes, 1 to 32
//!         n         gateway id, UTF-8
//!         varint    epoch, at most 5 bytes
//!         1         lane: 0 alerts, 1 telemetry
//!         varint    seq, at most 10 bytes
//!         rest      body, see [`crate::record::BodyV1`], postcard
//! ```
//!
//! Varints are LEB128 (seven bits per byte, least significant first), as everywhere in postcard. The id
//! `gateway:epoch:lane:seq` is in every record, so the payload alone suffices to remove duplicates. Tags are
//! numbers: the retained birth message lists which number is which tag. `andon decode` turns payloads into the JSON
//! of [`crate::record::json`].

use super::{BodyV1, Lane, RecordError, RecordId, decode_body, is_gateway_id};

/// The wire version that this program writes.
pub const WIRE_VERSION: u8 = 1;

/// Identity of a record, borrowing the gateway's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdRef<'a> {
    /// The gateway's configured id.
    pub gateway: &'a str,
    /// Start-up number of the gateway process.
    pub epoch: u32,
    /// Which stream.
    pub lane: Lane,
    /// Position in the stream.
    pub seq: u64,
}

impl IdRef<'_> {
    /// The same identity, owned.
    pub fn to_owned(&self) -> RecordId {
        RecordId {
            gateway: self.gateway.to_owned(),
            epoch: self.epoch,
            lane: self.lane,
            seq: self.seq,
        }
    }
}

impl std::fmt::Display for IdRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}:{}:{}:{}",
            self.gateway,
            self.epoch,
            self.lane.letter(),
            self.seq
        )
    }
}

/// A record in wire form, split but not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireRecord<'a> {
    /// Identity.
    pub id: IdRef<'a>,
    /// The encoded body.
    pub body: &'a [u8],
}

impl WireRecord<'_> {
    /// Decodes the body.
    pub fn decode(&self) -> Result<BodyV1, RecordError> {
        decode_body(self.body)
    }
}

/// Puts a record's identity before its encoded body.
#[expect(
    clippy::expect_used,
    reason = "a text and three integers into a growing vector have no way to fail"
)]
pub fn encode(id: IdRef<'_>, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(18 + id.gateway.len() + body.len());
    out.push(WIRE_VERSION);
    let header = (id.gateway, id.epoch, id.lane as u8, id.seq);
    let mut out = postcard::to_extend(&header, out).expect("postcard encodes a record header");
    out.extend_from_slice(body);
    out
}

/// Splits a payload into identity and body. Never panics, whatever the bytes are.
pub fn decode(payload: &[u8]) -> Result<WireRecord<'_>, RecordError> {
    let (version, rest) = payload.split_first().ok_or(RecordError::Empty)?;
    if *version != WIRE_VERSION {
        return Err(RecordError::Version(*version));
    }
    let ((gateway, epoch, lane, seq), body) =
        postcard::take_from_bytes::<(&str, u32, u8, u64)>(rest).map_err(RecordError::Header)?;
    if !is_gateway_id(gateway) {
        return Err(RecordError::Gateway(gateway.to_owned()));
    }
    let lane = Lane::from_number(lane).ok_or(RecordError::Lane(lane))?;
    Ok(WireRecord {
        id: IdRef {
            gateway,
            epoch,
            lane,
            seq,
        },
        body,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::encode_body;
    use crate::record::{samples, testing};

    const ID: IdRef<'static> = IdRef {
        gateway: "gw-1",
        epoch: 300,
        lane: Lane::Telemetry,
        seq: 1_000_000,
    };

    #[test]
    fn the_layout_is_as_drawn() {
        assert_eq!(
            encode(ID, &[0xAA, 0xBB]),
            [
                1, 4, b'g', b'w', b'-', b'1', 0xAC, 0x02, 1, 0xC0, 0x84, 0x3D, 0xAA, 0xBB
            ]
        );
    }

    #[test]
    fn damaged_headers_are_refused_by_name() {
        let good = encode(ID, &[]);
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            decode(&bytes).map(|r| r.id.seq).unwrap_err().to_string()
        };
        assert!(with(0, 2).contains("version 2"));
        assert!(with(1, 100).contains("header"));
        assert!(with(2, b'/').contains("not a gateway id"));
        assert!(with(8, 7).contains("lane 7"));
        assert!(matches!(decode(&[]), Err(RecordError::Empty)));
    }

    #[test]
    fn the_id_prints_like_its_owned_form() {
        assert_eq!(ID.to_string(), "gw-1:300:t:1000000");
        assert_eq!(ID.to_owned().to_string(), ID.to_string());
    }

    #[test]
    fn a_whole_record_comes_back() {
        let body = samples::alert();
        let bytes = encode(ID, &encode_body(&body));
        let record = decode(&bytes).unwrap();
        assert_eq!((record.id, record.decode().unwrap()), (ID, body));
    }

    proptest! {
        #[test]
        fn every_record_survives(id in testing::id(), body in testing::body()) {
            let id_ref = id.as_ref();
            let body = encode_body(&body);
            let bytes = encode(id_ref, &body);
            prop_assert_eq!(decode(&bytes).unwrap(), WireRecord { id: id_ref, body: &body });
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(record) = decode(&bytes) {
                let again = encode(record.id, record.body);
                prop_assert_eq!(decode(&again).unwrap(), record);
            }
        }
    }
}
