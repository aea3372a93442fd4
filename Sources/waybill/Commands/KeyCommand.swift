import ArgumentParser
import Glibc
import HTTPAPI
import MailEvents

/// `waybill key`: who may use the HTTP API.
struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Keys of the HTTP API.",
        discussion: "A running server reads the file again on SIGHUP.",
        subcommands: [KeyAdd.self, KeyList.self, KeyRevoke.self])
}

/// Which file of keys a command is about.
struct KeyFileOptions: ParsableArguments {
    @Option(help: "File of keys. Default: $WAYBILL_KEYS.")
    var file: String?

    private func path() throws -> String {
        if let file { return file }
        if let pointer = unsafe getenv("WAYBILL_KEYS") { return unsafe String(cString: pointer) }
        throw ValidationError("say which file: --file FILE, or set WAYBILL_KEYS")
    }

    /// The file; an empty one when there is none yet and `creates`.
    func load(creates: Bool = false) throws -> APIKeyFile {
        let path = try path()
        if creates, unsafe access(path, F_OK) != 0 { return APIKeyFile(path: path) }
        do {
            return try APIKeyFile.load(path)
        } catch {
            complain("waybill: \(error)")
            throw Exit.unavailable
        }
    }

    func save(_ file: APIKeyFile) throws {
        do {
            try file.save()
        } catch {
            complain("waybill: \(error)")
            throw Exit.unavailable
        }
    }
}

/// `waybill key add`.
struct KeyAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Make a key, and print it: it is kept nowhere else.",
        discussion: """
            Only the key itself goes to standard output:
              KEY=$(waybill key add shop --role inject --role read --tenant acme --file keys)
            """)

    @Argument(help: "What the key is for.") var name: String
    @OptionGroup var options: KeyFileOptions
    @Option(help: "inject, read, operate or admin; repeatable.")
    var role: [String] = []
    @Option(help: "The one tenant it is for: it sees nothing of others. Default: all.")
    var tenant = ""

    func run() throws {
        guard APIKey.isAcceptable(name: name), tenant.isEmpty || APIKey.isAcceptable(name: tenant)
        else {
            throw ValidationError("a name or tenant has no spaces or control characters")
        }
        let roles = try role.map { text in
            guard let role = APIRole(rawValue: text) else {
                throw ValidationError("--role \(text): expected inject, read, operate or admin")
            }
            return role
        }
        guard !roles.isEmpty else {
            throw ValidationError("say what the key may do: --role inject, read, operate or admin")
        }
        var file = try options.load(creates: true)
        let (key, token) = APIKey.make(
            name: name, roles: roles, tenant: tenant, now: SystemClock.now())
        file.add(key)
        try options.save(file)
        print(token)
        complain("added key \(key.id) (\(name)) to \(file.path)")
    }
}

/// `waybill key list`.
struct KeyList: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List keys.")

    @OptionGroup var options: KeyFileOptions
    @Flag(help: "One JSON object a line.") var json = false

    func run() throws {
        let file = try options.load()
        var table = Table(["KEY", "NAME", "ROLES", "TENANT", "CREATED"])
        for key in file.keys {
            if json {
                var writer = JSONWriter()
                writer.beginObject()
                writer.string(key.id, "key")
                writer.string(key.name, "name")
                writer.beginArray("roles")
                for role in key.roles { writer.string(role.rawValue) }
                writer.endArray()
                writer.string(key.tenant, "tenant")
                writer.string(key.created, "created")
                writer.endObject()
                print(writer.text)
            } else {
                table.add([
                    key.id, key.name, key.roles.map(\.rawValue).joined(separator: " "),
                    key.tenant.isEmpty ? "all" : key.tenant, String(key.created.prefix(19)),
                ])
            }
        }
        if !json { table.printLines() }
        if file.isReadableByOthers {
            complain("waybill: \(file.path) can be read by others; chmod 600 it")
        }
    }
}

/// `waybill key revoke`.
struct KeyRevoke: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Revoke a key: by its id, or all of a name.",
        discussion: "A running server must be told: kill -HUP.")

    @Argument(help: "Id or name of the key.") var key: String
    @OptionGroup var options: KeyFileOptions

    func run() throws {
        var file = try options.load()
        let gone = file.remove(key)
        guard !gone.isEmpty else {
            complain("waybill: \(file.path) has no key \(key)")
            throw Exit.found
        }
        try options.save(file)
        for key in gone { print("revoked \(key.id) (\(key.name)) in \(file.path)") }
    }
}
