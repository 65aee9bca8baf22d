//! The life of a fault: raised, worse, proposed, cleared.
