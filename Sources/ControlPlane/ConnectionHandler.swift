import NIOCore
import NIOHTTP1

/// Performs what the core of its connection says. Thread: the event loop.
package final class ConnectionHandler: ChannelDuplexHandler {
    /// What the decoder gives.
    package typealias InboundIn = HTTPServerRequestPart
    /// Nobody writes to this handler.
    package typealias OutboundIn = HTTPServerResponsePart
    /// What the encoder takes.
    package typealias OutboundOut = HTTPServerResponsePart

    /// Makes an answer that takes time, on a thread of its lane.
    package typealias Work =
        @Sendable (Endpoint.Lane, any EventLoop, @escaping @Sendable () -> Answer) ->
        EventLoopFuture<Answer>

    private var core: ConnectionCore
    private let router: Router
    private let work: Work
    private let figures: ControlFigures
    private let nowMs: () -> Int64
    private let onProgress: () -> Void
    private var context: ChannelHandlerContext?
    private var wantsRead = false
    /// What is being decoded.
    private var arrived: ByteBuffer?
    /// Of the request that is being decoded: whether its line came whole, and its bytes before that.
    private var line = (ended: false, byteCount: 0)
    /// Whether a request ended in what is being decoded; what else is in there is not looked at.
    private var isNext = false

    /// - Parameters:
    ///   - nowMs: a clock that never goes back.
    ///   - onProgress: called when a whole request came, and when its answer went.
    package init(
        limits: HTTPLimits, router: Router, figures: ControlFigures, work: @escaping Work,
        nowMs: @escaping () -> Int64, onProgress: @escaping () -> Void
    ) {
        core = ConnectionCore(limits: limits, nowMs: nowMs())
        self.router = router
        self.figures = figures
        self.work = work
        self.nowMs = nowMs
        self.onProgress = onProgress
    }

    /// The handlers of a connection, in the order that bytes meet them.
    ///
    /// - Parameters:
    ///   - tls: `nil` where TLS is not spoken.
    ///   - onTLSFailure: the client and this side did not come to terms.
    package static func addHandlers(
        to channel: any Channel, _ handler: ConnectionHandler, tls: TLSInForce? = nil,
        onTLSFailure: @escaping (any Error) -> Void = { _ in }
    ) throws {
        if let tls {
            let door = TLSDoor(
                tls, onPlain: { [weak handler] in handler?.refusePlain() }, onFailure: onTLSFailure)
            try channel.pipeline.syncOperations.addHandler(door)
        }
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = HTTPLimits.fieldBytesMax
        limits.maxHeaderListSize = HTTPLimits.headBytesMax
        limits.maxHeaderFieldCount = HTTPLimits.headerCountMax
        let decoder = HTTPRequestDecoder(
            leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .drop,
            limitConfiguration: limits)
        try channel.pipeline.syncOperations.addHandlers([
            RequestMeter(handler), HTTPResponseEncoder(), ByteToMessageHandler(decoder), handler,
        ])
    }

    /// Keeps the context, by which it writes.
    package func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    /// Lets go of the context: nothing is written any more.
    package func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    // MARK: What comes

    /// - Returns: whether these bytes are to be decoded.
    fileprivate func received(_ bytes: ByteBuffer) -> Bool {
        let (decode, actions) = core.received(bytes.readableBytes, nowMs: nowMs())
        perform(actions)
        arrived = bytes
        return decode
    }

    /// They have been decoded.
    fileprivate func decoded(_ bytes: ByteBuffer) {
        arrived = nil
        defer { isNext = false }
        guard !isNext, !line.ended else { return }
        line.ended = bytes.readableBytesView.contains(UInt8(ascii: "\n"))
        line.byteCount += bytes.readableBytes
    }

    /// Whether the line of a request with too many bytes has too many.
    private var isLineTooLong: Bool {
        guard !line.ended else { return false }
        let more = arrived?.readableBytesView.prefix { $0 != UInt8(ascii: "\n") }.count ?? 0
        return line.byteCount + more > HTTPLimits.fieldBytesMax
    }

    /// One part of a request.
    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): perform(core.received(head, nowMs: nowMs()))
        case .body(let bytes):
            perform(core.receivedBody(bytes.readableBytesView, nowMs: nowMs()))
        case .end:
            line = (false, 0)
            isNext = true
            onProgress()
            perform(core.receivedEnd(nowMs: nowMs()))
        }
    }

    /// Reads on, or remembers to once the core allows it.
    package func read(context: ChannelHandlerContext) {
        if core.holdsReads { wantsRead = true } else { context.read() }
    }

    /// Answers a request that cannot be parsed; any other error closes the connection.
    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError else { return context.closeNow() }
        perform(core.refuse(Refusal(error, isLineTooLong: isLineTooLong), nowMs: nowMs()))
    }

    /// Where TLS is spoken, and the client does not.
    private func refusePlain() { perform(core.refuse(.noTLS, nowMs: nowMs())) }

    /// Tells the core that there is nobody to answer.
    package func channelInactive(context: ChannelHandlerContext) {
        core.closed()
        context.fireChannelInactive()
    }

    // MARK: What the server asks

    /// Closes what has had its time.
    package func look() {
        let (actions, counted) = core.looked(nowMs: nowMs())
        if let counted { figures.rejected(counted) }
        perform(actions)
    }

    /// Ends the connection, once what is under way is answered.
    package func stop() { perform(core.stop()) }

    /// Makes room for another connection, at once.
    package func evict() {
        if core.isUnfinished {
            write(Answer(.noRoom), isHead: false, closes: true, then: nil)
        }
        figures.rejected(Refusal.noRoom.label)
        core.closed()
        context?.closeNow()
    }

    // MARK: What goes

    private func perform(_ actions: [ConnectionCore.Action]) {
        for action in actions {
            switch action {
            case .answer(let request, let closes): answer(request, closes: closes)
            case .refuse(let refusal):
                figures.rejected(refusal.label)
                send(Answer(refusal), isHead: false, closes: true)
            case .linger: context?.close(mode: .output, promise: nil)
            case .close: context?.closeNow()
            }
        }
        if wantsRead, !core.holdsReads {
            wantsRead = false
            context?.read()
        }
    }

    private func answer(_ request: Request, closes: Bool) {
        guard let context else { return }
        let peer = context.remoteAddress?.ipAddress ?? "unknown"
        switch router.answer(request, from: peer, certificate: context.peerCertificate) {
        case .answer(let answer): send(answer, isHead: request.isHead, closes: closes)
        case .work(let lane, let work):
            self.work(lane, context.eventLoop, work).assumeIsolated()
                .whenComplete { [weak self] result in
                    let answer =
                        (try? result.get())
                        ?? Answer.problem(.serviceUnavailable, "the process is stopping")
                    self?.send(answer, isHead: request.isHead, closes: closes)
                }
        }
    }

    private func send(_ answer: Answer, isHead: Bool, closes: Bool) {
        guard let context else { return }
        core.made(nowMs: nowMs())
        figures.answered(Int(answer.status.code))
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenSuccess { [weak self] in
            guard let self else { return }
            onProgress()
            perform(core.answered(nowMs: nowMs()))
        }
        write(answer, isHead: isHead, closes: closes, then: sent)
    }

    private func write(
        _ answer: Answer, isHead: Bool, closes: Bool, then sent: EventLoopPromise<Void>?
    ) {
        guard let context else {
            sent?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(wrapOutboundOut(.head(answer.head(closes: closes))), promise: nil)
        if !isHead {
            let bytes = context.channel.allocator.buffer(bytes: answer.body)
            context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: sent)
    }
}

/// Counts the bytes of a request before they are decoded, and drops what is not to be decoded.
private final class RequestMeter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let handler: ConnectionHandler

    init(_ handler: ConnectionHandler) { self.handler = handler }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        guard handler.received(bytes) else { return }
        context.fireChannelRead(data)
        handler.decoded(bytes)
    }
}
