//! The `andon` program: arguments in, exit code out.

fn main() -> std::process::ExitCode {
    andon::cli::main(std::env::args_os())
}
