//! What stands behind the ports. Adapters do not know each other (law L3).

pub mod docker;
