import Foundation
import Records

/// The console: one page with its styles and its program, which asks the daemon that it comes from and
/// nobody else.
public enum ConsolePage {
    /// The whole page.
    public static let html = Data(assembled.page.utf8)

    /// Headers to send with it: nothing is loaded from elsewhere, nothing runs but what is in the page,
    /// and no other page may show it inside of itself.
    public static let headers: [(name: String, value: String)] = [
        (
            "Content-Security-Policy",
            [
                "default-src 'none'", "script-src '\(fingerprint(assembled.script))'",
                "style-src '\(fingerprint(assembled.style))'", "connect-src 'self'",
                "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
            ].joined(separator: "; ")
        ), ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ]

    private static let assembled = assemble()

    /// Puts styles and program into the page.
    private static func assemble() -> (page: String, style: String, script: String) {
        func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
        let style = text(PackageResources.page_css)
        let script = [
            PackageResources.phrases_js, PackageResources.charts_js, PackageResources.sections_js,
            PackageResources.operate_js, PackageResources.main_js,
        ].map(text).joined(separator: "\n")
        let page = text(PackageResources.page_html)
            .replacing("<style></style>", with: "<style>\(style)</style>", maxReplacements: 1)
            .replacing("<script></script>", with: "<script>\(script)</script>", maxReplacements: 1)
        return (page, style, script)
    }

    /// As a policy names a style or a program: `sha256-…`.
    private static func fingerprint(_ text: String) -> String {
        "sha256-" + Data(SHA256.hash(Array(text.utf8)).bytes).base64EncodedString()
    }
}
