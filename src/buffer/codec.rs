//! One stored record, byte by byte. The picture is in the [module documentation](super).

use crate::model::Timestamp;

/// Longest body that is accepted, bytes. The pipeline splits what would be longer.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// What stands before the body: version, epoch, time.
const HEADER_BYTES: usize = 1 + 4 + 8;
/// What stands after it.
const CRC_BYTES: usize = 4;
/// Bytes a record takes beside its body.
pub(super) const OVERHEAD_BYTES: usize = HEADER_BYTES + CRC_BYTES;
const VERSION: u8 = 1;

/// A record as it comes back from the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Start-up number of the gateway process that made it.
    pub epoch: u32,
    /// Position in its lane.
    pub seq: u64,
    /// Wall time at which the buffer took it (at most one commit interval before it was durable).
    pub committed_at: Timestamp,
    /// The encoded [`crate::record::BodyV1`].
    pub body: Vec<u8>,
}

/// Why stored bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum DecodeError {
    #[error("{0} bytes are too few for a record")]
    Short(usize),
    #[error("checksum does not match")]
    Checksum,
    #[error("record version {0} is not known")]
    Version(u8),
}

/// The stored form of a body. The checksum covers the sequence number too, so that a record found under a
/// wrong key is not taken for another.
pub(super) fn encode(epoch: u32, seq: u64, at: Timestamp, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + OVERHEAD_BYTES);
    out.push(VERSION);
    out.extend_from_slice(&epoch.to_le_bytes());
    out.extend_from_slice(&at.as_millis().to_le_bytes());
    out.extend_from_slice(body);
    let crc = checksum(seq, &out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// The record in stored bytes.
pub(super) fn decode(seq: u64, bytes: &[u8]) -> Result<Stored, DecodeError> {
    let short = DecodeError::Short(bytes.len());
    let (content, crc) = bytes.split_last_chunk::<CRC_BYTES>().ok_or(short)?;
    if checksum(seq, content) != u32::from_le_bytes(*crc) {
        return Err(DecodeError::Checksum);
    }
    let (version, rest) = content.split_first().ok_or(short)?;
    if *version != VERSION {
        return Err(DecodeError::Version(*version));
    }
    let (epoch, rest) = rest.split_first_chunk::<4>().ok_or(short)?;
    let (at_ms, body) = rest.split_first_chunk::<8>().ok_or(short)?;
    Ok(Stored {
        epoch: u32::from_le_bytes(*epoch),
        seq,
        committed_at: Timestamp::from_millis(i64::from_le_bytes(*at_ms)),
        body: body.to_vec(),
    })
}

fn checksum(seq: u64, content: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&seq.to_be_bytes()), content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_layout_on_disk_is_fixed() {
        let bytes = encode(0x0102_0304, 7, Timestamp::from_millis(5), b"ab");
        assert_eq!(
            bytes.get(..15),
            Some(&[1, 4, 3, 2, 1, 5, 0, 0, 0, 0, 0, 0, 0, b'a', b'b'][..])
        );
        assert_eq!(bytes.len(), 19);
    }

    #[test]
    fn an_unknown_version_is_refused_even_with_a_good_checksum() {
        let mut bytes = encode(1, 1, Timestamp::from_millis(0), b"x");
        bytes.truncate(bytes.len() - 4);
        bytes[0] = 9;
        let crc = checksum(1, &bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        assert_eq!(decode(1, &bytes), Err(DecodeError::Version(9)));
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(epoch: u32, seq: u64, ms in -1_000_000_000_000_i64..4_000_000_000_000, body: Vec<u8>) {
            let at = Timestamp::from_millis(ms);
            let back = decode(seq, &encode(epoch, seq, at, &body));
            prop_assert_eq!(back, Ok(Stored { epoch, seq, committed_at: at, body }));
        }

        #[test]
        fn any_flipped_bit_is_noticed(body: Vec<u8>, at: prop::sample::Index, bit in 0_u8..8) {
            let mut bytes = encode(3, 9, Timestamp::from_millis(1), &body);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(decode(9, &bytes).is_err());
        }

        #[test]
        fn any_bytes_decode_or_are_refused(seq: u64, bytes: Vec<u8>) {
            prop_assert!(decode(seq, &bytes).is_err());
        }

        #[test]
        fn a_record_under_a_foreign_key_is_refused(seq: u64, other: u64, body: Vec<u8>) {
            prop_assume!(seq != other);
            prop_assert!(decode(other, &encode(1, seq, Timestamp::from_millis(0), &body)).is_err());
        }
    }
}
