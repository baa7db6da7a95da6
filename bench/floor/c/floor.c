/*
 * The floor of the benchmarks: what the kernel alone costs. One thread, one
 * level-triggered epoll, one shared read buffer, one write per read, no
 * WebSocket. Every server is reported as a ratio to this program, measured in
 * the same round with the same generator.
 *
 *   floor echo        every connection gets back the bytes it sent
 *   floor broadcast   every connection gets the bytes that any connection sent
 *
 * It listens on a free port of 127.0.0.1, prints "ready 127.0.0.1:PORT" and
 * ends at SIGTERM. SIGUSR1 asks the other servers to collect garbage; here it
 * does nothing.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAXFD = 1 << 20, MAXEVENTS = 512, BUFFER = 64 << 10 };

/* What a peer did not take at once. */
struct rest {
	size_t len, off;
	char bytes[];
};

static struct rest *rests[MAXFD]; /* by descriptor; 8 bytes a connection */
static unsigned char isopen[MAXFD];
static char buffer[BUFFER];
static int ep, top, broadcast;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void drop(int fd)
{
	isopen[fd] = 0;
	free(rests[fd]);
	rests[fd] = NULL;
	close(fd);
}

static void watch(int fd, int op, unsigned events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};
	if (epoll_ctl(ep, op, fd, &e) < 0)
		die("epoll_ctl");
}

/* keep appends to what waits for fd, and asks to be told when it is writable. */
static void keep(int fd, const char *p, size_t n)
{
	struct rest *r = rests[fd];
	size_t old = r ? r->len - r->off : 0;
	struct rest *all = malloc(sizeof *all + old + n);
	if (!all)
		die("malloc");
	if (old)
		memcpy(all->bytes, r->bytes + r->off, old);
	memcpy(all->bytes + old, p, n);
	all->len = old + n;
	all->off = 0;
	free(r);
	rests[fd] = all;
	watch(fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

static void put(int fd, const char *p, size_t n)
{
	ssize_t w = 0;
	if (!rests[fd]) {
		w = write(fd, p, n);
		if (w < 0 && errno != EAGAIN)
			return; /* the hang-up event follows */
		if (w < 0)
			w = 0;
	}
	if ((size_t)w < n)
		keep(fd, p + w, n - w);
}

static void flush(int fd)
{
	struct rest *r = rests[fd];
	if (!r)
		return;
	ssize_t w = write(fd, r->bytes + r->off, r->len - r->off);
	if (w > 0)
		r->off += w;
	if (r->off < r->len)
		return;
	free(r);
	rests[fd] = NULL;
	watch(fd, EPOLL_CTL_MOD, EPOLLIN);
}

static void take(int fd)
{
	ssize_t n = read(fd, buffer, sizeof buffer);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop(fd);
		return;
	}
	if (!broadcast) {
		put(fd, buffer, n);
		return;
	}
	for (int i = 0; i <= top; i++)
		if (isopen[i])
			put(i, buffer, n);
}

static void welcome(int listener)
{
	int fd, one = 1;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (fd >= MAXFD) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		isopen[fd] = 1;
		if (fd > top)
			top = fd;
		watch(fd, EPOLL_CTL_ADD, EPOLLIN);
	}
	if (errno != EAGAIN && errno != ECONNABORTED)
		die("accept4");
}

static int listen_on_loopback(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 4096) < 0)
		die("listen");
	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		die("getsockname");
	printf("ready 127.0.0.1:%d\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event events[MAXEVENTS];
	struct rlimit lim;

	if (argc != 2 || (strcmp(argv[1], "echo") && strcmp(argv[1], "broadcast"))) {
		fprintf(stderr, "usage: floor echo|broadcast\n");
		return 2;
	}
	broadcast = !strcmp(argv[1], "broadcast");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	if ((ep = epoll_create1(EPOLL_CLOEXEC)) < 0)
		die("epoll_create1");
	int listener = listen_on_loopback();
	watch(listener, EPOLL_CTL_ADD, EPOLLIN);
	for (;;) {
		int n = epoll_wait(ep, events, MAXEVENTS, -1);
		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == listener) {
				welcome(fd);
				continue;
			}
			if (events[i].events & EPOLLOUT)
				flush(fd);
			if (events[i].events & ~EPOLLOUT)
				take(fd);
		}
	}
}
