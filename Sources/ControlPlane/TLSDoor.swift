import NIOCore
import NIOSSL

/// Stands before everything else of a connection where TLS is spoken: looks at the first byte, has TLS taken
/// up, or has a client that speaks without it told so. Thread: the event loop.
final class TLSDoor: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let tls: TLSInForce
    private let onPlain: () -> Void
    private let onFailure: (any Error) -> Void
    private var isOpen = false

    /// What every TLS connection begins with: a record of a handshake.
    ///
    /// Source: RFC 8446, section 5.1.
    private static let handshakeRecord: UInt8 = 22

    /// - Parameters:
    ///   - onPlain: the client speaks no TLS; nothing it says is read.
    ///   - onFailure: the client and this side did not come to terms.
    init(
        _ tls: TLSInForce, onPlain: @escaping () -> Void,
        onFailure: @escaping (any Error) -> Void
    ) {
        self.tls = tls
        self.onPlain = onPlain
        self.onFailure = onFailure
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isOpen {
            isOpen = true
            guard unwrapInboundIn(data).readableBytesView.first == Self.handshakeRecord else {
                return onPlain()
            }
            do {
                try context.pipeline.syncOperations.addHandlers(
                    [NIOSSLServerHandler(context: tls.identity.context), TLSFailures(onFailure)],
                    position: .after(self))
            } catch { return context.close(promise: nil) }
        }
        context.fireChannelRead(data)
    }
}

extension ChannelHandlerContext {
    /// Closes the socket at once. TLS would wait for the client's word that it has seen the end.
    func closeNow() {
        let safe = try? pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
        (safe ?? self).close(promise: nil)
    }

    /// The number of the certificate that the client has shown, as `openssl x509 -serial` prints it; `nil`
    /// without one.
    var peerCertificate: String? {
        let safe = try? pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
        return safe?.peerCertificate.map { certificate in
            certificate.serialNumber.map { byte in
                let digits = String(byte, radix: 16, uppercase: true)
                return byte < 16 ? "0" + digits : digits
            }.joined()
        }
    }
}

/// Takes note of handshakes that come to nothing.
private final class TLSFailures: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let onFailure: (any Error) -> Void

    init(_ onFailure: @escaping (any Error) -> Void) { self.onFailure = onFailure }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard case .handshakeFailed(let reason) = error as? NIOSSLError else {
            return context.fireErrorCaught(error)
        }
        // Not told any further: TLS closes the connection itself, behind this call.
        onFailure(reason)
    }
}
