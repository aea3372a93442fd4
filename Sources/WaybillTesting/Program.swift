import Glibc

/// Runs programs of the system for tests.
enum Program {
    /// Runs a program, its output thrown away, and waits; returns its wait status.
    static func run(_ arguments: [String]) throws -> Int32 {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
            unsafe posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
        }
        // A program that inherits a listening socket keeps its port bound.
        for descriptor in Int32(3)..<1024 {
            unsafe posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        var strings = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe strings.forEach { unsafe free($0) } }
        var process: pid_t = 0
        let started = unsafe posix_spawnp(
            &process, arguments[0], &actions, nil, &strings, environ)
        guard started == 0 else { throw ProgramError(code: started) }
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }
}

/// A program could not be started.
struct ProgramError: Error {
    var code: Int32
}
