//! Record bodies as bytes: postcard in field order.
//!
//! The first byte is the variant of [`BodyV1`] (0 summary, 1 raw, 2 alert, 3 drop, 4 event, 5 explained
//! alert); the fields follow in the order of their declaration. Readers of later programs keep reading these bytes: a new form gets a new type.

use super::{BodyV1, Kind};

/// Upper bound of an encoded body: what makes records splits its items so that none is larger.
/// 48 KiB keep the JSON form (about ten times as long at worst) far below every common broker's packet limit.
pub const MAX_BODY_BYTES: usize = 48 * 1024;

/// Why bytes are not a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The body does not follow the layout of its version.
    #[error("decode a record body of {bytes} bytes")]
    Body {
        /// Length of the body.
        bytes: usize,
        /// What postcard ran into.
        #[source]
        source: postcard::Error,
    },
    /// More bytes than the body needs.
    #[error("decode a record body: {0} bytes follow its end")]
    Trailing(usize),
    /// The body holds a kind of record that this program does not know.
    #[error("decode a record body: kind {0} is unknown")]
    Kind(u32),
    /// No bytes at all.
    #[error("decode a record: it is empty")]
    Empty,
    /// A later, unknown wire version.
    #[error("decode a record of wire version {0}: this program reads version 1")]
    Version(u8),
    /// The wire header does not follow its layout.
    #[error("decode the header of a record")]
    Header(#[source] postcard::Error),
    /// A lane number no version has used.
    #[error("decode the header of a record: lane {0} is unknown")]
    Lane(u8),
    /// The gateway id is empty, too long or holds forbidden characters.
    #[error("decode the header of a record: `{0}` is not a gateway id")]
    Gateway(String),
}

/// The bytes of a body: the same input gives the same bytes, always.
#[expect(
    clippy::expect_used,
    reason = "derived serialisation with known lengths into a growing vector has no way to fail"
)]
pub fn encode_body(body: &BodyV1) -> Vec<u8> {
    postcard::to_stdvec(body).expect("postcard encodes every record body")
}

/// The body behind the bytes. Never panics, whatever they are.
pub fn decode_body(bytes: &[u8]) -> Result<BodyV1, RecordError> {
    match postcard::take_from_bytes(bytes) {
        Ok((body, [])) => Ok(body),
        Ok((_, rest)) => Err(RecordError::Trailing(rest.len())),
        Err(source) => Err(RecordError::Body {
            bytes: bytes.len(),
            source,
        }),
    }
}

/// What an encoded body is, read from its first bytes without decoding the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heading<'a> {
    /// Kind of record.
    pub kind: Kind,
    /// Asset of summaries and raw values; `None` for the kinds that do not begin with it.
    pub asset: Option<&'a str>,
}

/// Reads the heading of an encoded body.
pub fn peek_body(bytes: &[u8]) -> Result<Heading<'_>, RecordError> {
    let failed = |source| RecordError::Body {
        bytes: bytes.len(),
        source,
    };
    let (number, rest) = postcard::take_from_bytes::<u32>(bytes).map_err(failed)?;
    let kind = Kind::from_variant(number).ok_or(RecordError::Kind(number))?;
    let asset = match kind {
        Kind::Summary | Kind::Raw => {
            let (asset, _) = postcard::take_from_bytes::<&str>(rest).map_err(failed)?;
            Some(asset)
        }
        Kind::Alert | Kind::Drop | Kind::Event => None,
    };
    Ok(Heading { kind, asset })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::{samples, testing};

    #[test]
    fn the_bytes_of_version_1_do_not_change() {
        let hex = |body: &BodyV1| -> String {
            let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16);
            let bytes = encode_body(body);
            let nibbles = bytes.iter().flat_map(|b| [b >> 4, b & 15]);
            nibbles.filter_map(digit).collect()
        };
        let lines: Vec<String> = samples::all().iter().map(hex).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn a_heading_is_read_without_the_rest() {
        for body in samples::all() {
            let bytes = encode_body(&body);
            let heading = peek_body(&bytes).unwrap();
            assert_eq!(heading.kind, body.kind());
            match &body {
                BodyV1::Summary(s) => assert_eq!(heading.asset, Some(s.asset.as_str())),
                BodyV1::Raw(r) => assert_eq!(heading.asset, Some(r.asset.as_str())),
                _ => assert_eq!(heading.asset, None),
            }
        }
    }

    #[test]
    fn bytes_after_the_end_are_refused() {
        let mut bytes = encode_body(&samples::drop());
        bytes.push(0);
        assert!(matches!(decode_body(&bytes), Err(RecordError::Trailing(1))));
    }

    #[test]
    fn a_cut_body_is_refused_at_every_length() {
        for body in samples::all() {
            let bytes = encode_body(&body);
            for len in 0..bytes.len() {
                assert!(decode_body(&bytes[..len]).is_err(), "{len} of {bytes:?}");
            }
        }
    }

    #[test]
    fn an_unknown_kind_is_named() {
        assert!(matches!(peek_body(&[9]), Err(RecordError::Kind(9))));
        assert!(matches!(peek_body(&[]), Err(RecordError::Body { .. })));
        assert!(matches!(
            peek_body(&[0, 200]),
            Err(RecordError::Body { .. })
        ));
    }

    proptest! {
        #[test]
        fn a_body_survives_its_bytes(body in testing::body()) {
            let bytes = encode_body(&body);
            prop_assert_eq!(encode_body(&decode_body(&bytes).unwrap()), bytes);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(body) = decode_body(&bytes) {
                prop_assert_eq!(decode_body(&encode_body(&body)).map(|b| b.kind()).ok(), Some(body.kind()));
            }
            prop_assert!(peek_body(&bytes).is_ok() || decode_body(&bytes).is_err());
        }
    }
}
