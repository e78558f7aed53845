// SPDX-License-Identifier: Apache-2.0
// Throughput through the relay over that of a TCP connection of the same program: medians of runs that
// take turns, so that a busy machine hurts both alike.
#include "relay_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define RUNS  5
#define TOTAL (UINT64_C(1) << 30)
#define CHUNK (1 << 18)

static char chunk[CHUNK];

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *numbers)
{
	qsort(numbers, RUNS, sizeof(*numbers), compare);
	return numbers[RUNS / 2];
}

static int dial(int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)inet_pton(AF_INET, TARGET_ADDR, &sin.sin_addr);
	return connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0 ? fd : -1;
}

static bool receive(int in, int out)
{
	uint64_t got = 0;
	ssize_t n;

	if (!write_all(in, "1073741824\n", 11))
		return false;
	while ((n = read(out, chunk, sizeof(chunk))) > 0)
		got += (uint64_t)n;
	return got == TOTAL;
}

// Until the other side has it all: it closes then.
static bool send_all(int in, int out, bool socket)
{
	for (uint64_t done = 0; done < TOTAL; done += CHUNK)
		if (!write_all(in, chunk, CHUNK))
			return false;
	if (socket)
		(void)shutdown(in, SHUT_WR);
	else
		(void)close(in);
	return read(out, chunk, 1) == 0;
}

// GiB a second; 0: it failed.
static double once(bool down, bool relayed)
{
	int port = down ? PORT_FAST_SOURCE : PORT_FAST_SINK, relay = -1, in, out;
	struct call call = {.in = -1, .out = -1, .control = -1};
	uint64_t started;
	bool good;

	if (relayed) {
		struct heard heard;

		relay = relay_connect();
		call_begin(&call, relay, port, NULL);
		(void)call_hear(&call, "connected", 5000, &heard);
		in = call.in;
		out = call.out;
	} else {
		in = out = dial(port);
	}
	started = now_us();
	good = down ? receive(in, out) : send_all(in, out, !relayed);
	started = now_us() - started;
	if (relayed && !down)
		call.in = -1;
	if (!relayed)
		(void)close(in);
	else
		(void)close(relay);
	call_end(&call);
	return good ? 1e6 / (double)started : 0;
}

int bench(void)
{
	bool good = true;

	for (int down = 0; down < 2; down++) {
		double direct[RUNS], relayed[RUNS], ratio;

		for (int run = 0; run < RUNS; run++) {
			direct[run] = once(down, false);
			relayed[run] = once(down, true);
			good = good && direct[run] > 0 && relayed[run] > 0;
		}
		ratio = median(relayed) / median(direct);
		printf("relay, %s: %.2f GiB/s, direct %.2f GiB/s, ratio %.2f\n",
		       down ? "from the target" : "to the target", median(relayed), median(direct), ratio);
	}
	return good ? 0 : 1;
}
