import ArgumentParser
import Glibc
import MailEvents
import Reception

/// `waybill user`: who may authenticate.
struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Users that may authenticate.",
        discussion: "A running server reads the file again on SIGHUP.",
        subcommands: [UserAdd.self, UserList.self, UserRemove.self])
}

/// Which file of users a command is about.
struct UserFileOptions: ParsableArguments {
    @Option(help: "File of users. Default: $WAYBILL_USERS.")
    var file: String?

    func path() throws -> String {
        if let file { return file }
        if let pointer = unsafe getenv("WAYBILL_USERS") { return unsafe String(cString: pointer) }
        throw ValidationError("say which file: --file FILE, or set WAYBILL_USERS")
    }

    /// The file; an empty one when there is none yet and `creates`.
    func load(creates: Bool = false) throws -> UserFile {
        let path = try path()
        if creates, unsafe access(path, F_OK) != 0 { return UserFile(path: path) }
        do {
            return try UserFile.load(path)
        } catch {
            complain("waybill: \(error)")
            throw Exit.unavailable
        }
    }

    func save(_ file: UserFile) throws {
        do {
            try file.save()
        } catch {
            complain("waybill: \(error)")
            throw Exit.unavailable
        }
    }
}

/// `waybill user add`.
struct UserAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a user, or change a user's password.",
        discussion: """
            The password is asked for on a terminal; otherwise it is the first line of standard input:
              printf '%s\\n' "$PASSWORD" | waybill user add shop --tenant acme --file users
            """)

    @Argument(help: "Name of the user.") var name: String
    @OptionGroup var options: UserFileOptions
    @Option(help: "Tenant of the user's messages; it cannot be overridden by a header.")
    var tenant = ""
    @Flag(
        inversion: .prefixedNo,
        help: "Keep what SCRAM-SHA-256 needs. Without it, only the scrypt hash is kept.")
    var scram = true

    func run() throws {
        guard User.isAcceptable(name: name) else {
            throw ValidationError("\"\(name)\": a name has no spaces, colons or control characters")
        }
        let password = try readPassword()
        var file = try options.load(creates: true)
        let known = file.users.contains { $0.preparedName == User.prepared(name) }
        let user: User
        do {
            user = try User.register(name: name, tenant: tenant, password: password, scram: scram)
        } catch {
            complain("waybill: \(error)")
            throw Exit.found
        }
        file.put(user)
        try options.save(file)
        print("\(known ? "changed" : "added") \(name) in \(file.path)")
    }

    private func readPassword() throws -> String {
        if isatty(STDIN_FILENO) == 1 {
            guard let first = unsafe getpass("Password: ").map({ unsafe String(cString: $0) }),
                let second = unsafe getpass("Again: ").map({ unsafe String(cString: $0) })
            else { throw Exit.unavailable }
            guard first == second else {
                complain("waybill: the two passwords differ")
                throw Exit.found
            }
            return first
        }
        guard let line = readLine(strippingNewline: true) else {
            complain("waybill: no password on standard input")
            throw Exit.found
        }
        return line
    }
}

/// `waybill user list`.
struct UserList: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List users.")

    @OptionGroup var options: UserFileOptions
    @Flag(help: "One JSON object a line.") var json = false

    func run() throws {
        let file = try options.load()
        var table = Table(["USER", "TENANT", "MECHANISMS"])
        for user in file.users {
            let mechanisms = ["PLAIN", "LOGIN"] + (user.scram == nil ? [] : ["SCRAM-SHA-256"])
            if json {
                var writer = JSONWriter()
                writer.beginObject()
                writer.string(user.name, "user")
                writer.string(user.tenant, "tenant")
                writer.beginArray("mechanisms")
                for mechanism in mechanisms { writer.string(mechanism) }
                writer.endArray()
                writer.endObject()
                print(writer.text)
            } else {
                table.add([user.name, user.tenant, mechanisms.joined(separator: " ")])
            }
        }
        if !json { table.printLines() }
        if file.isReadableByOthers {
            complain("waybill: \(file.path) can be read by others; chmod 600 it")
        }
    }
}

/// `waybill user remove`.
struct UserRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove a user.")

    @Argument(help: "Name of the user.") var name: String
    @OptionGroup var options: UserFileOptions

    func run() throws {
        var file = try options.load()
        guard file.remove(name: name) else {
            complain("waybill: \(file.path) has no user \(name)")
            throw Exit.found
        }
        try options.save(file)
        print("removed \(name) from \(file.path)")
    }
}
