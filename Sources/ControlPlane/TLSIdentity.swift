import Foundation
import NIOSSL
import Records

/// By what the HTTP interface is known under TLS, and whom it knows: checked, and ready for connections.
///
/// TLS is 1.2 at least.
public struct TLSIdentity: Sendable {
    /// The part of it that is at fault.
    public enum Part: Sendable {
        /// The certificate, with those between it and an authority.
        case certificate
        /// The certificate's private key.
        case key
        /// The certificates of those who sign clients' certificates.
        case clientAuthority
    }

    /// Why it cannot be used.
    public struct Problem: Error, Equatable {
        /// Where the fault is.
        public let part: Part
        /// Completes "the file …".
        public let sentence: String
    }

    /// When the first of the certificates ends that are shown. Unit: milliseconds since 1970.
    public let endsMs: Int64
    /// Whether clients have to show a certificate, too.
    public let asksClients: Bool
    let context: NIOSSLContext

    /// - Parameters:
    ///   - certificate: PEM, the interface's own first, then those between it and an authority.
    ///   - key: PEM, without a passphrase.
    ///   - clientAuthority: PEM; a client must show a certificate that one of these signed. `nil` asks for
    ///     none.
    ///   - nowMs: certificates must hold at this time.
    /// - Throws: `Problem`.
    public init(
        certificate: [UInt8], key: [UInt8], clientAuthority: [UInt8]?, nowMs: Int64
    ) throws(Problem) {
        let chain = try Self.certificates(certificate, .certificate)
        for (index, one) in chain.enumerated() {
            try Self.require(one, number: index + 1, of: chain.count, .certificate, nowMs)
        }
        endsMs = chain.map { Self.milliseconds($0.notValidAfter) }.min() ?? 0
        let source = NIOSSLPrivateKeySource.privateKey(try Self.privateKey(key))
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: source)
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        asksClients = clientAuthority != nil
        if let clientAuthority {
            let authorities = try Self.certificates(clientAuthority, .clientAuthority)
            for (index, one) in authorities.enumerated() {
                try Self.require(
                    one, number: index + 1, of: authorities.count, .clientAuthority, nowMs)
            }
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates(authorities)
            configuration.sendCANameList = true
        }
        do { context = try NIOSSLContext(configuration: configuration) } catch {
            throw Problem(
                part: .key, sentence: "holds another key than that of the certificate")
        }
    }

    private static func certificates(
        _ bytes: [UInt8], _ part: Part
    ) throws(Problem) -> [NIOSSLCertificate] {
        guard !bytes.isEmpty, let found = try? NIOSSLCertificate.fromPEMBytes(bytes),
            !found.isEmpty
        else { throw Problem(part: part, sentence: "holds no certificate in PEM") }
        return found
    }

    private static func require(
        _ certificate: NIOSSLCertificate, number: Int, of count: Int, _ part: Part, _ nowMs: Int64
    ) throws(Problem) {
        let which = count == 1 ? "a certificate" : "a certificate, number \(number) of \(count),"
        let beginMs = milliseconds(certificate.notValidBefore)
        let endMs = milliseconds(certificate.notValidAfter)
        guard nowMs <= endMs else {
            throw Problem(
                part: part, sentence: "holds \(which) that ended at \(Timestamp.text(ms: endMs))")
        }
        guard nowMs >= beginMs else {
            throw Problem(
                part: part,
                sentence: "holds \(which) that begins at \(Timestamp.text(ms: beginMs)) only")
        }
    }

    private static func privateKey(_ bytes: [UInt8]) throws(Problem) -> NIOSSLPrivateKey {
        let text = String(decoding: bytes, as: UTF8.self)
        guard !text.contains("ENCRYPTED") else {
            throw Problem(
                part: .key, sentence: "holds a key with a passphrase; one without is needed")
        }
        guard !bytes.isEmpty, let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) else {
            throw Problem(part: .key, sentence: "holds no private key in PEM")
        }
        return key
    }

    private static func milliseconds(_ time: time_t) -> Int64 {
        let (product, overflow) = Int64(time).multipliedReportingOverflow(by: 1000)
        return overflow ? .max : product
    }
}

extension TLSIdentity {
    /// Why a handshake came to nothing, without a byte of the client.
    static func reason(of error: any Error) -> String {
        // As in `error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED`.
        let text = "\(error)"
        guard let found = text.firstMatch(of: /OPENSSL_internal:([A-Z0-9_]+)/) else {
            return text.contains("EOF") ? "the client left" : text
        }
        // What a client says in the clear that gives up, where an encrypted word is due.
        if found.1 == "BAD_PACKET_LENGTH" {
            return "the client gave up, as one does that does not trust the certificate"
        }
        return found.1.lowercased().replacing("_", with: " ")
    }
}
