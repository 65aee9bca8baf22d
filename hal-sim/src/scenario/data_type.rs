//! Types, byte orders and tables as devices know them.

/// What a signal looks like on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataType {
    /// One bit.
    Bool,
    /// 16 bits, unsigned.
    U16,
    /// 16 bits, two's complement.
    I16,
    /// 32 bits, unsigned.
    U32,
    /// 32 bits, two's complement.
    I32,
    /// 64 bits, unsigned.
    U64,
    /// 64 bits, two's complement.
    I64,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
    /// Four decimal digits, four bits each; Modbus only.
    Bcd16,
    /// Eight decimal digits, four bits each; Modbus only.
    Bcd32,
    /// Text of at most this many bytes, padded with NUL.
    Text(u8),
}

impl DataType {
    const NAMES: [(&'static str, Self); 11] = [
        ("bool", Self::Bool),
        ("u16", Self::U16),
        ("i16", Self::I16),
        ("u32", Self::U32),
        ("i32", Self::I32),
        ("u64", Self::U64),
        ("i64", Self::I64),
        ("f32", Self::F32),
        ("f64", Self::F64),
        ("bcd16", Self::Bcd16),
        ("bcd32", Self::Bcd32),
    ];

    /// The type of that name; texts are `string:1` to `string:30`.
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(bytes) = name.strip_prefix("string:") {
            return bytes
                .parse()
                .ok()
                .filter(|bytes| (1..=30).contains(bytes))
                .map(Self::Text);
        }
        Self::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, data_type)| *data_type)
    }

    /// The name in a scenario and in a gateway configuration.
    pub fn name(self) -> String {
        match self {
            Self::Text(bytes) => format!("string:{bytes}"),
            other => Self::NAMES
                .iter()
                .find(|(_, data_type)| *data_type == other)
                .map_or_else(String::new, |(name, _)| (*name).to_owned()),
        }
    }

    /// Registers that a value takes; 1 for a bit.
    pub const fn registers(self) -> u16 {
        match self {
            Self::Bool | Self::U16 | Self::I16 | Self::Bcd16 => 1,
            Self::U32 | Self::I32 | Self::F32 | Self::Bcd32 => 2,
            Self::U64 | Self::I64 | Self::F64 => 4,
            Self::Text(bytes) => (bytes as u16).div_ceil(2),
        }
    }

    /// Counters of this type wrap at this value; 0: never.
    pub const fn modulus(self) -> u64 {
        match self {
            Self::Bool => 2,
            Self::U16 => 1 << 16,
            Self::I16 => 1 << 15,
            Self::U32 => 1 << 32,
            Self::I32 => 1 << 31,
            Self::Bcd16 => 10_000,
            Self::Bcd32 => 100_000_000,
            Self::U64 | Self::I64 | Self::F32 | Self::F64 | Self::Text(_) => 0,
        }
    }

    /// Whether it can hold a quantity.
    pub const fn is_number(self) -> bool {
        !matches!(self, Self::Bool | Self::Text(_))
    }

    /// The raw value that says "no measurement": NaN for floats, the extreme of the range for
    /// integers as many instruments have it, no digits for BCD; none for bits and texts.
    /// For 64 bits it is the nearest double, which is what a reader of doubles compares with.
    pub const fn sentinel(self) -> Option<f64> {
        match self {
            Self::U16 => Some(65_535.0),
            Self::I16 => Some(-32_768.0),
            Self::U32 => Some(4_294_967_295.0),
            Self::I32 => Some(-2_147_483_648.0),
            Self::U64 => Some(u64::MAX as f64),
            Self::I64 => Some(i64::MIN as f64),
            Self::F32 | Self::F64 => Some(f64::NAN),
            Self::Bool | Self::Bcd16 | Self::Bcd32 | Self::Text(_) => None,
        }
    }
}

/// How the bytes of a value stand in its registers; `A` is the most significant byte of 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ByteOrder {
    /// Big-endian throughout.
    #[default]
    Abcd,
    /// Low word first.
    Cdab,
    /// Bytes swapped within each word.
    Badc,
    /// Little-endian throughout.
    Dcba,
}

impl ByteOrder {
    /// Every order with its name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("ABCD", Self::Abcd),
        ("CDAB", Self::Cdab),
        ("BADC", Self::Badc),
        ("DCBA", Self::Dcba),
    ];

    /// The name, e.g. `ABCD`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Abcd => "ABCD",
            Self::Cdab => "CDAB",
            Self::Badc => "BADC",
            Self::Dcba => "DCBA",
        }
    }

    /// Whether the low word comes first.
    pub const fn swaps_words(self) -> bool {
        matches!(self, Self::Cdab | Self::Dcba)
    }

    /// Whether the bytes of each word are swapped.
    pub const fn swaps_bytes(self) -> bool {
        matches!(self, Self::Badc | Self::Dcba)
    }
}

/// The four Modbus tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Function 1: bits that can be written.
    Coil,
    /// Function 2: bits.
    Discrete,
    /// Function 3: registers that can be written.
    Holding,
    /// Function 4: registers.
    Input,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 4] = [Self::Coil, Self::Discrete, Self::Holding, Self::Input];

    /// The name in an address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Coil => "coil",
            Self::Discrete => "discrete",
            Self::Holding => "holding",
            Self::Input => "input",
        }
    }

    /// Whether it holds bits.
    pub const fn is_bits(self) -> bool {
        matches!(self, Self::Coil | Self::Discrete)
    }

    /// Whether it can be written.
    pub const fn is_writable(self) -> bool {
        matches!(self, Self::Coil | Self::Holding)
    }
}
