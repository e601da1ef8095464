/*
 * deny-io-uring ERRNO|kill[@CALL] PROGRAM [ARGUMENT...]
 *
 * Runs a program without io_uring, as the default profile of containers does:
 * io_uring_setup(2) fails with an errno, or ends the process, as on Android.
 * CALL is the number of another system call that is denied in its place: 426
 * is io_uring_enter(2), 427 io_uring_register(2).
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define IO_URING_SETUP 425

int main(int argc, char **argv)
{
	unsigned int action;
	unsigned int call = IO_URING_SETUP;
	const char *at;
	int number;

	if (argc < 3) {
		fprintf(stderr, "usage: deny-io-uring ERRNO|kill[@CALL] PROGRAM [ARGUMENT...]\n");
		return 125;
	}
	number = atoi(argv[1]);
	at = strchr(argv[1], '@');
	if (at)
		call = (unsigned int)atoi(at + 1);
	action = strncmp(argv[1], "kill", 4) == 0 ? SECCOMP_RET_KILL_PROCESS
						  : SECCOMP_RET_ERRNO | (unsigned int)number;

	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		fprintf(stderr, "seccomp: %s\n", strerror(errno));
		return 125;
	}
	execvp(argv[2], argv + 2);
	fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
	return 127;
}
