//! Who else has something open.
//! It does not know what.

use super::phrases;

phrases! {
    has_this_open: "{} has this open, too, since {}.", "{} 님도 {}부터 이 화면을 열어 두고 있습니다.";
    partial: "Only colleagues on the same node are seen here right now.", "지금은 같은 노드에 접속한 동료만 표시됩니다.";
}
