"""Identifiers that every MicroPython holds in its ROM: using one more of them costs no heap.

From the names in its own sources (py/, extmod/, asyncio, the ESP32's sockets) in version 1.29,
those that its unix port has without being told; tests/virtual_board/test_squeeze.py asks it again.
"""

WORDS = """
a2b_base64 abs abs_tol accept aclose acos acosh acquire add addressof aes AF_INET AF_INET6 all
allocate_lock any append appendleft args argv ArithmeticError ARRAY array ascii asin asinh
AssertionError atan atan2 atanh atexit attr AttributeError AUTO aw awrite awritestr b2a_base64
backlog BaseException BF_LEN BF_POS BFINT16 BFINT32 BFINT8 BFUINT16 BFUINT32 BFUINT8 big
BIG_ENDIAN bin binascii bind bool bound_method buf builtins bytearray bytearray_at bytecode
byteorder bytes bytes_at BytesIO calcsize call_exception_handler callable cancel CancelledError
cb ceil center CERT_NONE CERT_OPTIONAL CERT_REQUIRED chdir choice chr cipher classmethod clear
client_id close closure cmath code collect collections compile complex connect const context
copy copysign core coro cos cosh count crc32 create_task cryptolib cur_task current_task data
decode decrypt default default_exception_handler deflate DeflateIO degrees delattr deleter deque
dict dict_view difference difference_update digest dir disable discard divmod
do_handshake_on_connect doc done drain dt dump dumps e EINPROGRESS Ellipsis enable encode
encrypt end endswith enumerate EOFError er erf erfc errno errorcode eval Event exc exc_info
exc_type Exception exception exec execfile executable exit exp expm1 extend fabs factorial file
fileno filter find flags float FLOAT32 FLOAT64 floor flush fmod format frexp from_bytes fromhex
fromkeys frozenset function gamma gather gc generator GeneratorExit get get_ciphers
get_event_loop get_exception_handler get_extra_info get_ident getaddrinfo getattr getcwd getenv
getrandbits getter getvalue globals gmtime group GZIP handler hasattr hash hashlib heap_lock
heap_unlock heapify heappop heappush heapq help hex hexlify host id idx ilistdir imag
implementation ImportError IndentationError index IndexError indices inf input insert INT int
INT16 INT32 INT64 INT8 intersection intersection_update io IOBase ioctl IOQueue
IP_ADD_MEMBERSHIP ipoll is_set isalpha isclose isdigit isdisjoint isenabled isfinite isinf
isinstance islower isnan isspace issubclass issubset issuperset isupper items iter iterable
iterator join json kbd_intr keepends key KeyboardInterrupt KeyError keys ldexp len length lgamma
libc_ver line list listdir listen little LITTLE_ENDIAN load load_cert_chain
load_verify_locations loads locals localtime Lock lock locked LockType log log10 log2 LONG
LONGLONG lookahead LookupError Loop loop lower lstrip machine main_task makefile map math max
maxsize MBEDTLS_VERSION md5 mem_alloc mem_current mem_free mem_info mem_peak mem_total
MemoryError memoryview micropython min mkdir mkfs mktime modf modify module modules mount
MSG_DONTWAIT MSG_PEEK mtime n name namedtuple NameError nan NATIVE native new_event_loop newline
next NoneType NotImplemented NotImplementedError object oct off open open_connection opt_level
ord OrderedDict os OSError out_buf OverflowError pack pack_into partition path peek pend_throw
ph_key phase pi platform polar poll poller POLLERR POLLHUP POLLIN POLLOUT pop popitem popleft
port pow preview print print_exception progsize property PROTOCOL_DTLS_CLIENT
PROTOCOL_DTLS_SERVER PROTOCOL_TLS_CLIENT PROTOCOL_TLS_SERVER ps1 ps2 psk_identity psk_key PTR
ptr ptr16 ptr32 ptr8 push putenv python_compiler qstr_info queue_read queue_write r radians
randint random randrange range RAW re read readexactly readinto readline readsize real rect recv
recv_into recvfrom register rel_tol release remove rename replace repr req return_exceptions
reverse reversed rfind rindex RingIO rmdir round rpartition rsplit rstrip run run_forever
run_until_complete runq_len RuntimeError s schedule search seed seek select self send sendall
sendto sep separators Server server_hostname server_psk_keys server_side set set_ciphers
set_exception_handler setattr setblocking setdefault setsockopt setter settimeout sgen sha1
sha256 SHORT signed sin single SingletonGenerator sinh sizeof sleep sleep_ms sleep_us slice
SO_BROADCAST SO_REUSEADDR SOCK_DGRAM SOCK_RAW SOCK_STREAM socket SOL_SOCKET sort sorted split
splitlines sqrt src ssl SSLContext SSLSocket stack_size stack_use start start_new_thread
start_server startswith stat state staticmethod statvfs stderr stdin stdout step stop
StopAsyncIteration StopIteration str Stream stream_awrite StreamReader StreamWriter StringIO
strip struct sub sum super symmetric_difference symmetric_difference_update sync SyntaxError sys
system SystemExit sz t tan tanh target Task task TaskQueue tau tb tell ThreadSafeFlag threshold
throw ticks ticks_add ticks_cpu ticks_diff ticks_ms ticks_us time time_ns timeout TimeoutError
tls to_bytes trunc tuple TypeError uctypes UINT uint UINT16 UINT32 UINT64 UINT8 ULONG ULONGLONG
umount unhexlify UnicodeError uniform union unlink unpack unpack_from unregister unsafe unsetenv
update upper urandom USHORT usys v value ValueError values verify_callback verify_mode version
version_info vfs VfsFat VfsLfs1 VfsLfs2 VfsPosix VfsRom viper ViperTypeError VOID wait
wait_closed wait_for wait_for_ms wait_io_event waiter waiting waitq_len wrap_socket write
ZeroDivisionError zip ZLIB
""".split()  # noqa: SIM905 - a list of 600 strings would be 600 lines
