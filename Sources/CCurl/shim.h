#pragma once
#include <curl/curl.h>

// curl_easy_setopt and curl_easy_getinfo are variadic, which Swift does not import: one function a type.

static inline CURLcode tm_curl_text(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode tm_curl_number(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode tm_curl_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(handle, option, value);
}

// The bytes are copied.
static inline CURLcode tm_curl_body(CURL *handle, const unsigned char *bytes, long count) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, count);
    return code != CURLE_OK ? code : curl_easy_setopt(handle, CURLOPT_COPYPOSTFIELDS, (const char *)bytes);
}

typedef size_t (*tm_curl_write)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode tm_curl_writer(CURL *handle, tm_curl_write write, void *context) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, write);
    return code != CURLE_OK ? code : curl_easy_setopt(handle, CURLOPT_WRITEDATA, context);
}

static inline CURLcode tm_curl_errors(CURL *handle, char *buffer) {
    return curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, buffer);
}

static inline long tm_curl_status(CURL *handle) {
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

// Macros, and numbers that are wider than Swift takes them for.
static const long tm_curl_auth_basic = (long)CURLAUTH_BASIC;
static const long tm_curl_auth_bearer = (long)CURLAUTH_BEARER;
static const long tm_curl_tls_1_2 = (long)CURL_SSLVERSION_TLSv1_2;
static const long tm_curl_redir_all = (long)CURL_REDIR_POST_ALL;
static const int tm_curl_error_bytes = CURL_ERROR_SIZE;
