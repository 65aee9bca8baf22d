//! The frame of everything stored: `version (1) · crc32c of the rest (4, little endian) · body`.

/// Layout of the bodies.
const VERSION: u8 = 1;
/// Bytes before the body.
pub(super) const HEAD: usize = 5;

/// Why a stored piece cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damage(pub(super) &'static str);

/// Frames a body.
pub(super) fn seal(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + body.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&crc32c::crc32c(body).to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// The body of a frame that is whole.
pub(super) fn unseal(bytes: &[u8]) -> Result<&[u8], Damage> {
    let (version, rest) = bytes.split_first().ok_or(Damage("it is empty"))?;
    if *version != VERSION {
        return Err(Damage("its version is unknown"));
    }
    let (sum, body) = rest.split_first_chunk().ok_or(Damage("it is cut off"))?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*sum) {
        return Err(Damage("its checksum is wrong"));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_survives_and_damage_is_named() {
        let good = seal(b"body");
        assert_eq!(unseal(&good), Ok(&b"body"[..]));
        assert_eq!(unseal(&seal(b"")), Ok(&b""[..]));
        assert_eq!(unseal(b""), Err(Damage("it is empty")));
        assert_eq!(unseal(&[9, 0, 0]), Err(Damage("its version is unknown")));
        assert_eq!(unseal(&good[..4]), Err(Damage("it is cut off")));
        for byte in 1..good.len() {
            let mut flipped = good.clone();
            flipped[byte] ^= 0x10;
            assert_eq!(unseal(&flipped), Err(Damage("its checksum is wrong")));
        }
    }
}
