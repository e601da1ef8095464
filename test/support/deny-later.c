/*
 * A library that denies system calls to the thread that loads it, from that
 * moment on. DENY_LATER names the errno and then the calls: "1 426 427".
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static void deny(unsigned int call, unsigned int number)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | number),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(125);
}

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("DENY_LATER");
	char *end;
	unsigned long number, call;

	if (!text)
		return;
	number = strtoul(text, &end, 10);
	for (text = end; (call = strtoul(text, &end, 10)) != 0; text = end)
		deny((unsigned int)call, (unsigned int)number);
}
