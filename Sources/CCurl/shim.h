#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

// curl_easy_setopt and curl_easy_getinfo take any type, which Swift cannot call.

static inline CURLcode waybill_curl_set_text(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode waybill_curl_set_number(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode waybill_curl_set_size(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode waybill_curl_set_list(CURL *handle, struct curl_slist *list) {
    return curl_easy_setopt(handle, CURLOPT_HTTPHEADER, list);
}

// `buffer` has CURL_ERROR_SIZE octets, and is written to until another one is set.
static inline CURLcode waybill_curl_set_reason(CURL *handle, char *buffer) {
    return curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, buffer);
}

typedef size_t (*waybill_curl_data)(char *buffer, size_t size, size_t count, void *context);

static inline CURLcode waybill_curl_set_data(
    CURL *handle, CURLoption function, waybill_curl_data call, CURLoption data, void *context) {
    CURLcode code = curl_easy_setopt(handle, function, call);
    return code ? code : curl_easy_setopt(handle, data, context);
}

static inline long waybill_curl_status(CURL *handle) {
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    return status;
}
