/*
 * io_uring(7) through Linux 6.19: our mirror of its structures and numbers.
 *
 * A distribution's header is as old as the distribution, the kernel that runs
 * is not, so nothing here depends on it; abi.c compares the two as far as the
 * header goes. The structures lack the kernel's io_ prefix so that both can be
 * in one file. src/abi/io-uring*.ts carries the same table, and a test asks
 * uringAbi() for this one and compares.
 */
#ifndef PROACTOR_URING_ABI_H
#define PROACTOR_URING_ABI_H

#include <stddef.h>
#include <stdint.h>

struct uring_timespec {
	int64_t tv_sec;
	int64_t tv_nsec;
};

struct uring_sqe {
	uint8_t opcode;
	uint8_t flags;
	uint16_t ioprio;
	int32_t fd;
	union {
		uint64_t off;
		uint64_t addr2;
		struct {
			uint32_t cmd_op;
			uint32_t pad1;
		};
	};
	union {
		uint64_t addr;
		uint64_t splice_off_in;
		struct {
			uint32_t level;
			uint32_t optname;
		};
	};
	uint32_t len;
	union {
		uint32_t rw_flags;
		uint32_t fsync_flags;
		uint16_t poll_events;
		uint32_t poll32_events;
		uint32_t sync_range_flags;
		uint32_t msg_flags;
		uint32_t timeout_flags;
		uint32_t accept_flags;
		uint32_t cancel_flags;
		uint32_t open_flags;
		uint32_t statx_flags;
		uint32_t fadvise_advice;
		uint32_t splice_flags;
		uint32_t rename_flags;
		uint32_t unlink_flags;
		uint32_t hardlink_flags;
		uint32_t xattr_flags;
		uint32_t msg_ring_flags;
		uint32_t uring_cmd_flags;
		uint32_t waitid_flags;
		uint32_t futex_flags;
		uint32_t install_fd_flags;
		uint32_t nop_flags;
		uint32_t pipe_flags;
	};
	uint64_t user_data;
	union {
		uint16_t buf_index;
		uint16_t buf_group;
	};
	uint16_t personality;
	union {
		int32_t splice_fd_in;
		uint32_t file_index;
		uint32_t zcrx_ifq_idx;
		uint32_t optlen;
		struct {
			uint16_t addr_len;
			uint16_t pad3;
		};
		struct {
			uint8_t write_stream;
			uint8_t pad4[3];
		};
	};
	union {
		struct {
			uint64_t addr3;
			uint64_t pad2;
		};
		struct {
			uint64_t attr_ptr;
			uint64_t attr_type_mask;
		};
		uint64_t optval;
		uint8_t cmd[16]; /* 80 bytes with SQE128 */
	};
};

struct uring_cqe {
	uint64_t user_data;
	int32_t res;
	uint32_t flags;
	uint64_t big_cqe[]; /* two words with CQE32 */
};

struct uring_sq_offsets {
	uint32_t head;
	uint32_t tail;
	uint32_t ring_mask;
	uint32_t ring_entries;
	uint32_t flags;
	uint32_t dropped;
	uint32_t array;
	uint32_t resv1;
	uint64_t user_addr;
};

struct uring_cq_offsets {
	uint32_t head;
	uint32_t tail;
	uint32_t ring_mask;
	uint32_t ring_entries;
	uint32_t overflow;
	uint32_t cqes;
	uint32_t flags;
	uint32_t resv1;
	uint64_t user_addr;
};

struct uring_params {
	uint32_t sq_entries;
	uint32_t cq_entries;
	uint32_t flags;
	uint32_t sq_thread_cpu;
	uint32_t sq_thread_idle;
	uint32_t features;
	uint32_t wq_fd;
	uint32_t resv[3];
	struct uring_sq_offsets sq_off;
	struct uring_cq_offsets cq_off;
};

struct uring_getevents_arg {
	uint64_t sigmask;
	uint32_t sigmask_sz;
	uint32_t min_wait_usec;
	uint64_t ts;
};

struct uring_reg_wait {
	struct uring_timespec ts;
	uint32_t min_wait_usec;
	uint32_t flags;
	uint64_t sigmask;
	uint32_t sigmask_sz;
	uint32_t pad[3];
	uint64_t pad2[2];
};

struct uring_probe_op {
	uint8_t op;
	uint8_t resv;
	uint16_t flags;
	uint32_t resv2;
};

struct uring_probe {
	uint8_t last_op;
	uint8_t ops_len;
	uint16_t resv;
	uint32_t resv2[3];
	struct uring_probe_op ops[];
};

struct uring_rsrc_register {
	uint32_t nr;
	uint32_t flags;
	uint64_t resv2;
	uint64_t data;
	uint64_t tags;
};

struct uring_rsrc_update {
	uint32_t offset;
	uint32_t resv;
	uint64_t data;
};

struct uring_rsrc_update2 {
	uint32_t offset;
	uint32_t resv;
	uint64_t data;
	uint64_t tags;
	uint32_t nr;
	uint32_t resv2;
};

struct uring_files_update {
	uint32_t offset;
	uint32_t resv;
	uint64_t fds;
};

struct uring_buf {
	uint64_t addr;
	uint32_t len;
	uint16_t bid;
	uint16_t resv;
};

/* The tail lies in the reserved field of the first uring_buf. */
struct uring_buf_ring {
	uint64_t resv1;
	uint32_t resv2;
	uint16_t resv3;
	uint16_t tail;
};

struct uring_buf_reg {
	uint64_t ring_addr;
	uint32_t ring_entries;
	uint16_t bgid;
	uint16_t flags;
	uint64_t resv[3];
};

struct uring_buf_status {
	uint32_t buf_group;
	uint32_t head;
	uint32_t resv[8];
};

struct uring_sync_cancel_reg {
	uint64_t addr;
	int32_t fd;
	uint32_t flags;
	struct uring_timespec timeout;
	uint8_t opcode;
	uint8_t pad[7];
	uint64_t pad2[3];
};

struct uring_file_index_range {
	uint32_t off;
	uint32_t len;
	uint64_t resv;
};

struct uring_restriction {
	uint16_t opcode;
	union {
		uint8_t register_op;
		uint8_t sqe_op;
		uint8_t sqe_flags;
	};
	uint8_t resv;
	uint32_t resv2[3];
};

struct uring_napi {
	uint32_t busy_poll_to;
	uint8_t prefer_busy_poll;
	uint8_t opcode;
	uint8_t pad[2];
	uint32_t op_param;
	uint32_t resv;
};

struct uring_clock_register {
	uint32_t clockid;
	uint32_t resv[3];
};

struct uring_clone_buffers {
	uint32_t src_fd;
	uint32_t flags;
	uint32_t src_off;
	uint32_t dst_off;
	uint32_t nr;
	uint32_t pad[3];
};

struct uring_region_desc {
	uint64_t user_addr;
	uint64_t size;
	uint32_t flags;
	uint32_t id;
	uint64_t mmap_offset;
	uint64_t resv[4];
};

struct uring_mem_region_reg {
	uint64_t region_uptr;
	uint64_t flags;
	uint64_t resv[2];
};

struct uring_recvmsg_out {
	uint32_t namelen;
	uint32_t controllen;
	uint32_t payloadlen;
	uint32_t flags;
};

struct uring_attr_pi {
	uint16_t flags;
	uint16_t app_tag;
	uint32_t len;
	uint64_t addr;
	uint64_t seed;
	uint64_t rsvd;
};

struct uring_query_hdr {
	uint64_t next_entry;
	uint64_t query_data;
	uint32_t query_op;
	uint32_t size;
	int32_t result;
	uint32_t resv[3];
};

struct uring_query_opcode {
	uint32_t nr_request_opcodes;
	uint32_t nr_register_opcodes;
	uint64_t feature_flags;
	uint64_t ring_setup_flags;
	uint64_t enter_flags;
	uint64_t sqe_flags;
	uint32_t nr_query_opcodes;
	uint32_t pad;
};

struct uring_zcrx_rqe {
	uint64_t off;
	uint32_t len;
	uint32_t pad;
};

struct uring_zcrx_cqe {
	uint64_t off;
	uint64_t pad;
};

struct uring_zcrx_offsets {
	uint32_t head;
	uint32_t tail;
	uint32_t rqes;
	uint32_t resv2;
	uint64_t resv[2];
};

struct uring_zcrx_area_reg {
	uint64_t addr;
	uint64_t len;
	uint64_t rq_area_token;
	uint32_t flags;
	uint32_t dmabuf_fd;
	uint64_t resv2[2];
};

struct uring_zcrx_ifq_reg {
	uint32_t if_idx;
	uint32_t if_rxq;
	uint32_t rq_entries;
	uint32_t flags;
	uint64_t area_ptr;
	uint64_t region_ptr;
	struct uring_zcrx_offsets offsets;
	uint32_t zcrx_id;
	uint32_t rx_buf_len;
	uint64_t resv[3];
};

/* The sizes that the kernel checks. Fail the build, not the run. */
_Static_assert(sizeof(struct uring_sqe) == 64, "uring_sqe");
_Static_assert(sizeof(struct uring_cqe) == 16, "uring_cqe");
_Static_assert(sizeof(struct uring_params) == 120, "uring_params");
_Static_assert(sizeof(struct uring_getevents_arg) == 24, "uring_getevents_arg");
_Static_assert(sizeof(struct uring_reg_wait) == 64, "uring_reg_wait");
_Static_assert(sizeof(struct uring_probe) == 16, "uring_probe");
_Static_assert(sizeof(struct uring_probe_op) == 8, "uring_probe_op");
_Static_assert(sizeof(struct uring_rsrc_register) == 32, "uring_rsrc_register");
_Static_assert(sizeof(struct uring_rsrc_update) == 16, "uring_rsrc_update");
_Static_assert(sizeof(struct uring_rsrc_update2) == 32, "uring_rsrc_update2");
_Static_assert(sizeof(struct uring_files_update) == 16, "uring_files_update");
_Static_assert(sizeof(struct uring_buf) == 16, "uring_buf");
_Static_assert(sizeof(struct uring_buf_ring) == 16, "uring_buf_ring");
_Static_assert(sizeof(struct uring_buf_reg) == 40, "uring_buf_reg");
_Static_assert(sizeof(struct uring_buf_status) == 40, "uring_buf_status");
_Static_assert(sizeof(struct uring_sync_cancel_reg) == 64, "uring_sync_cancel_reg");
_Static_assert(sizeof(struct uring_file_index_range) == 16, "uring_file_index_range");
_Static_assert(sizeof(struct uring_restriction) == 16, "uring_restriction");
_Static_assert(sizeof(struct uring_napi) == 16, "uring_napi");
_Static_assert(sizeof(struct uring_clock_register) == 16, "uring_clock_register");
_Static_assert(sizeof(struct uring_clone_buffers) == 32, "uring_clone_buffers");
_Static_assert(sizeof(struct uring_region_desc) == 64, "uring_region_desc");
_Static_assert(sizeof(struct uring_mem_region_reg) == 32, "uring_mem_region_reg");
_Static_assert(sizeof(struct uring_recvmsg_out) == 16, "uring_recvmsg_out");
_Static_assert(sizeof(struct uring_attr_pi) == 32, "uring_attr_pi");
_Static_assert(sizeof(struct uring_query_hdr) == 40, "uring_query_hdr");
_Static_assert(sizeof(struct uring_query_opcode) == 48, "uring_query_opcode");
_Static_assert(sizeof(struct uring_zcrx_rqe) == 16, "uring_zcrx_rqe");
_Static_assert(sizeof(struct uring_zcrx_cqe) == 16, "uring_zcrx_cqe");
_Static_assert(sizeof(struct uring_zcrx_offsets) == 32, "uring_zcrx_offsets");
_Static_assert(sizeof(struct uring_zcrx_area_reg) == 48, "uring_zcrx_area_reg");
_Static_assert(sizeof(struct uring_zcrx_ifq_reg) == 96, "uring_zcrx_ifq_reg");

#include "uring_table.h"

/*
 * The constants that C itself uses. They are called U_..., because in a file
 * that includes the system's header the plain names are macros or enumerators.
 */
#define URING_ENUMERATOR(name, value) U_##name = value,
enum uring_constant { URING_CONSTANTS(URING_ENUMERATOR) };
#undef URING_ENUMERATOR

#endif
