//! Who asks, and in which request: goes with everything that changes something.
//! It holds nothing personal; it is kept beside the facts.

use std::sync::Arc;

use domain::ids::StaffId;
use serde::{Deserialize, Serialize};

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Set for staff, whether by key or by session.
    pub staff: Option<StaffId>,
    /// A bearer token that is not a member of staff's: a cart's or an order's.
    pub token: Option<Arc<str>>,
    /// The W3C trace id of the request.
    pub trace: Option<Arc<str>>,
}

impl Caller {
    /// The shop itself: sweepers, imports at start, the command line.
    pub fn system() -> Self {
        Self::default()
    }

    pub fn is_staff(&self) -> bool {
        self.staff.is_some()
    }

    /// `staff:…` or `guest`, as it is kept beside facts.
    pub fn actor(&self) -> String {
        match &self.staff {
            Some(staff) => format!("staff:{staff}"),
            None => "guest".to_owned(),
        }
    }
}
