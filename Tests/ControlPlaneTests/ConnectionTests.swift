import ControlPlane
import NIOCore
import NIOEmbedded
import Testing

@Suite struct ConnectionTests {
    private let probe = "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n"

    private func connection() throws -> EmbeddedConnection {
        var limits = HTTPLimits()
        limits.requestMs = 10_000
        limits.idleMs = 75_000
        return try EmbeddedConnection(source: FixedSource(), limits: limits)
    }

    @Test("a request that does not end is given up, however busily its bytes trickle in")
    func slow() throws {
        let connection = try connection()
        for byte in "GET /live HTTP/1.1" {
            try connection.send(String(byte))
            connection.wait(ms: 600)
        }
        #expect(try connection.statuses() == [408])
        connection.wait(ms: 1_100)
        #expect(!connection.channel.isActive)
        #expect(connection.figures.counts.rejected == ["too_slow": 1])
    }

    @Test("a connection without a request is closed, a kept one later, without an answer")
    func idle() throws {
        let silent = try connection()
        silent.wait(ms: 10_000)
        #expect(silent.channel.isActive)
        silent.wait(ms: 1)
        #expect(!silent.channel.isActive)
        #expect(silent.figures.counts.rejected == ["no_request": 1])

        let kept = try connection()
        try kept.send(probe)
        kept.wait(ms: 75_000)
        #expect(kept.channel.isActive)
        kept.wait(ms: 1)
        #expect(!kept.channel.isActive)
        #expect(try kept.statuses() == [200])
        #expect(kept.figures.counts.rejected.isEmpty)
    }

    @Test("after a thousand answers a connection ends, and says so")
    func worn() throws {
        let connection = try connection()
        for number in 1...1_000 {
            #expect(connection.channel.isActive, "before request \(number)")
            try connection.send(probe)
        }
        let sent = try connection.sent()
        #expect(sent.split(separator: "Connection: close").count == 2)
        try connection.send(probe)
        #expect(try connection.sent().isEmpty)
    }

    @Test("a connection that has to go for another is told so where it is within a request")
    func evicted() throws {
        let unfinished = try connection()
        try unfinished.send("GET /li")
        unfinished.handler.evict()
        #expect(try unfinished.statuses() == [503])
        #expect(!unfinished.channel.isActive)
        let idle = try connection()
        idle.handler.evict()
        #expect(try idle.sent().isEmpty)
        #expect(!idle.channel.isActive)
        #expect(idle.figures.counts.rejected == ["no_room": 1])
    }

    @Test("a stop ends what waits at once")
    func stopped() throws {
        for text in ["", "GET /live HTTP/1.1\r\nHo", probe] {
            let connection = try connection()
            try connection.send(text)
            connection.handler.stop()
            #expect(!connection.channel.isActive)
        }
    }

    @Test("at the bound the connection that gave no sign for longest has to go")
    func table() {
        var table = ConnectionTable(countMax: 3)
        let first = table.admit().new
        let second = table.admit().new
        let third = table.admit().new
        #expect(table.count == 3)
        table.sign(of: first)
        let (fourth, gone) = table.admit()
        #expect(gone == second && table.count == 3)
        table.remove(third)
        #expect(table.admit().evicted == nil)
        #expect(table.admit().evicted == first)
        table.sign(of: second)
        #expect(table.admit().evicted == fourth && table.count == 3)
    }
}
