extension Configuration {
    /// TLS of the HTTP interface.
    public struct TLS: Sendable, Equatable {
        /// File with the certificate, and with those between it and an authority; empty: TLS is not spoken.
        public var certificate = ""
        /// File with the certificate's private key.
        public var key = ""
        /// File with the certificates that sign those of clients; empty: clients need none.
        public var clientCA = ""

        /// TLS is not spoken.
        public init() {}
    }
}

extension Configuration {
    static let tlsSettings: [Setting] = [
        .text(
            "http.tls.certificate", \.http.tls.certificate,
            "File with a certificate in PEM, and behind it those between it and an authority: HTTPS is served. Empty: HTTP in the clear. Read again when it changes."
        ),
        .text(
            "http.tls.key", \.http.tls.key,
            "File with the certificate's private key in PEM, without a passphrase, which only its owner may read."
        ),
        .text(
            "http.tls.client_ca", \.http.tls.clientCA,
            "File with certificates in PEM: clients must show a certificate that one of them signed, the probes too. Empty: clients need none."
        ),
    ]
}
