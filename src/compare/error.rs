//! Why a comparison cannot be made at all.
//!
//! What the data cannot answer (too few records, confounded crews) is no error but a verdict; an error is a request that
//! does not fit the frame, or a frame that is not a table.

/// A request or a frame that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// The request names a column that the frame does not have.
    #[error("no column `{name}`; the frame has {known}")]
    UnknownColumn {
        /// The name asked for.
        name: String,
        /// The names there are, separated by commas.
        known: String,
    },
    /// A column of labels is used as a number.
    #[error("column `{name}` holds labels; {role} needs numbers")]
    NotNumeric {
        /// The column.
        name: String,
        /// What it was to be used for.
        role: &'static str,
    },
    /// Two columns of a frame have the same name.
    #[error("column `{name}` is given twice")]
    DuplicateColumn {
        /// The column.
        name: String,
    },
    /// A column or a row does not have the length of the others.
    #[error("{what} has {got} values, not {expected}")]
    Length {
        /// Which column or row.
        what: String,
        /// Its length.
        got: usize,
        /// The length of the others.
        expected: usize,
    },
    /// A cell of a numeric column is no number.
    #[error(
        "row {row}, column `{column}`: not a number; a decimal number or an empty cell is allowed"
    )]
    Cell {
        /// The row, counted from 1 without the header.
        row: usize,
        /// The column.
        column: String,
    },
    /// A factor tells single persons apart.
    #[error(
        "factor `{name}` names persons; crews or groups of at least {minimum} persons are allowed"
    )]
    Personal {
        /// The factor.
        name: String,
        /// The smallest group that may be told apart.
        minimum: u32,
    },
    /// The same column has two roles that exclude each other.
    #[error("column `{name}` is both {first} and {second}")]
    TwoRoles {
        /// The column.
        name: String,
        /// Its first role.
        first: &'static str,
        /// Its second role.
        second: &'static str,
    },
    /// The levels asked for are not a set of at least two.
    #[error("{found} levels of `{group}` to compare; 2 to {maximum} different ones are allowed")]
    Levels {
        /// The grouping column.
        group: String,
        /// How many different levels there are.
        found: usize,
        /// How many can be compared at once.
        maximum: usize,
    },
    /// The relevance threshold is no size.
    #[error("the relevance threshold is not a finite number above 0")]
    Relevance,
    /// The table is larger than what is compared in one piece.
    #[error(
        "{rows} records with {columns} model columns are more than {maximum} cells; compare a shorter period or fewer factors"
    )]
    TooLarge {
        /// Number of records.
        rows: usize,
        /// Number of columns of the model.
        columns: usize,
        /// The bound.
        maximum: usize,
    },
    /// The numerical method found no answer.
    #[error("the {model} model of `{outcome}` did not converge")]
    NotConverged {
        /// Which model.
        model: &'static str,
        /// The outcome.
        outcome: String,
    },
}
