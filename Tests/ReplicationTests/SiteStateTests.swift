import SmallFiles
import Testing
import WaybillTesting

@testable import Replication

@Suite("What a site remembers of its role")
struct SiteStateTests {
    @Test("what is saved is loaded", arguments: SiteRole.allCases, ["", "192.0.2.1:7025"])
    func roundTrip(role: SiteRole, follows: String) throws {
        let directory = try TemporaryDirectory()
        let path = SiteState.path(dataDirectory: directory.path)
        #expect(try SiteState.load(path) == nil)
        let state = SiteState(role: role, epoch: 12, follows: follows)
        try state.save(path)
        #expect(try SiteState.load(path) == state)
        var found = state
        (found.insteadOf, found.followsPrimary) = ("192.0.2.2:7025", true)
        try found.save(path)
        #expect(try SiteState.load(path) == found)
    }

    @Test(
        "a file that says something else is refused, with its name",
        arguments: [
            "", "role primary\n", "epoch 3\n", "role captain\nepoch 3\n",
            "role primary\nepoch -1\n", "role primary\nrole standby\nepoch 1\n", "nonsense\n",
        ])
    func malformed(text: String) throws {
        let directory = try TemporaryDirectory()
        let path = SiteState.path(dataDirectory: directory.path)
        try SmallFile.replace(path, with: text)
        let error = #expect(throws: SmallFileError.self) { _ = try SiteState.load(path) }
        #expect(error?.file == path)
    }
}
