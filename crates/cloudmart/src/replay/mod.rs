//! stub
pub struct Options {
    pub file: std::path::PathBuf,
    pub url: String,
    pub token: String,
}
pub async fn run(_o: Options) -> Result<std::process::ExitCode, crate::Failure> {
    Err(crate::Failure::new("x"))
}
