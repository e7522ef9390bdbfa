import CCrypto

/// Fetched once: libcrypto looks an algorithm up anew at every use of `EVP_aes_128_gcm()`.
nonisolated(unsafe) private let algorithm: OpaquePointer? = unsafe EVP_CIPHER_fetch(
    nil, "AES-128-GCM", nil)

/// AES-128-GCM, for rows that each have a key of their own.
///
/// A nonce must never come twice with the same key and another plaintext.
/// Thread: one at a time.
@safe public final class RowCipher {
    /// Length of a key, bytes.
    public static let keyBytes = 16
    /// Length of a nonce, bytes.
    public static let nonceBytes = 12
    /// Length of an authentication tag, bytes.
    public static let tagBytes = 16

    /// Owned by this object alone and freed in `deinit`.
    private let context: OpaquePointer

    /// Traps where libcrypto has no AES-128-GCM.
    public init() {
        guard let made = unsafe EVP_CIPHER_CTX_new(),
            unsafe EVP_CipherInit_ex(made, algorithm, nil, nil, nil, 1) == 1
        else { preconditionFailure("libcrypto offers no AES-128-GCM") }
        unsafe context = made
    }

    deinit {
        unsafe EVP_CIPHER_CTX_free(context)
    }

    /// Encrypts `plain` and authenticates it together with `additional`.
    public func seal(
        _ plain: [UInt8], key: [UInt8], nonce: [UInt8], additional: [UInt8]
    ) -> (cipher: [UInt8], tag: [UInt8]) {
        begin(key, nonce, encrypting: true)
        authenticate(additional)
        let cipher = unsafe plain.withUnsafeBytes { unsafe update($0) }
        var count: Int32 = 0
        var tag = [UInt8](repeating: 0, count: Self.tagBytes)
        let done = unsafe tag.withUnsafeMutableBufferPointer { out in
            unsafe EVP_CipherFinal_ex(context, out.baseAddress, &count) == 1
                && EVP_CIPHER_CTX_ctrl(
                    context, EVP_CTRL_AEAD_GET_TAG, Int32(out.count), out.baseAddress) == 1
        }
        precondition(done, "libcrypto failed in AES-128-GCM")
        return (cipher, tag)
    }

    /// What was sealed; `nil` when anything of it is not as it was.
    public func open(
        _ cipher: some Collection<UInt8>, key: [UInt8], nonce: [UInt8], tag: [UInt8],
        additional: [UInt8]
    ) -> [UInt8]? {
        precondition(tag.count == Self.tagBytes, "a tag is \(Self.tagBytes) bytes long")
        begin(key, nonce, encrypting: false)
        authenticate(additional)
        let plain = unsafe Array(cipher).withUnsafeBytes { unsafe update($0) }
        var count: Int32 = 0
        var tag = tag
        var rest: (UInt64, UInt64) = (0, 0)
        let isWhole = unsafe withUnsafeMutableBytes(of: &rest) { out in
            unsafe tag.withUnsafeMutableBytes { tag in
                unsafe EVP_CIPHER_CTX_ctrl(
                    context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), tag.baseAddress) == 1
                    && EVP_CipherFinal_ex(
                        context, out.baseAddress?.assumingMemoryBound(to: UInt8.self), &count) == 1
            }
        }
        return isWhole ? plain : nil
    }

    /// The first bytes of what was sealed, not authenticated.
    public func peek(_ cipher: some Collection<UInt8>, key: [UInt8], nonce: [UInt8]) -> [UInt8] {
        begin(key, nonce, encrypting: false)
        return unsafe Array(cipher).withUnsafeBytes { unsafe update($0) }
    }

    private func begin(_ key: [UInt8], _ nonce: [UInt8], encrypting: Bool) {
        precondition(
            key.count == Self.keyBytes && nonce.count == Self.nonceBytes,
            "a key is \(Self.keyBytes) bytes long, a nonce \(Self.nonceBytes)")
        let done = unsafe key.withUnsafeBufferPointer { key in
            unsafe nonce.withUnsafeBufferPointer { nonce in
                unsafe EVP_CipherInit_ex(
                    context, nil, nil, key.baseAddress, nonce.baseAddress, encrypting ? 1 : 0)
            }
        }
        precondition(done == 1, "libcrypto failed in AES-128-GCM")
    }

    private func authenticate(_ additional: [UInt8]) {
        var count: Int32 = 0
        let done = unsafe additional.withUnsafeBufferPointer { bytes in
            unsafe EVP_CipherUpdate(
                context, nil, &count, bytes.baseAddress, Int32(bytes.count))
        }
        precondition(done == 1, "libcrypto failed in AES-128-GCM")
    }

    private func update(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: bytes.count) { out, filled in
            var count: Int32 = 0
            let done = unsafe EVP_CipherUpdate(
                context, out.baseAddress, &count, base.assumingMemoryBound(to: UInt8.self),
                Int32(bytes.count))
            precondition(done == 1 && Int(count) == bytes.count, "libcrypto failed in AES-128-GCM")
            filled = Int(count)
        }
    }
}

/// HMAC-SHA256 (RFC 2104) for keys of 64 bytes at most.
public func hmacSHA256(_ message: [UInt8], key: [UInt8]) -> Digest256 {
    precondition(key.count <= 64, "a longer key would have to be hashed first")
    let block = key + [UInt8](repeating: 0, count: 64 - key.count)
    var inner = SHA256()
    inner.update(block.map { $0 ^ 0x36 })
    inner.update(message)
    var outer = SHA256()
    outer.update(block.map { $0 ^ 0x5c })
    outer.update(inner.finalize().bytes)
    return outer.finalize()
}
