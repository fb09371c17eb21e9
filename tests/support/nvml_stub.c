/* A libnvidia-ml.so.1 without a device: as much of NVML as wan_healthd asks (nvml.h), answered from the folder $NVML_STUB.
 *
 * Each call reads the file of its name there, so what is written between two calls is the next one's answer:
 *   initialise, count, driver, handle-N, name-N, use-N    a number or a text; "!15" for error 15; "hang" hangs while it says so
 * A file that is not there stands for success, or for nothing. Calls are noted in the file `calls`, one a line.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, UNKNOWN = 999, MOST = 4096, STEP_US = 10000 };

typedef struct { unsigned int gpu, memory; } utilization;

static void place(char *path, const char *name)
{
    const char *folder = getenv("NVML_STUB");
    snprintf(path, MOST, "%s/%s", folder ? folder : "/nowhere", name);
}

/* What the file says, without a line's end; -1 where there is none. */
static ssize_t said(const char *name, char *text)
{
    char path[MOST];
    place(path, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    ssize_t length = read(file, text, MOST - 1);
    close(file);
    text[length > 0 ? length : 0] = '\0';
    return length;
}

static void note(const char *name)
{
    char path[MOST];
    place(path, "calls");
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file >= 0) {
        dprintf(file, "%s\n", name);
        close(file);
    }
}

static int answer(const char *name, char *text)
{
    note(name);
    ssize_t length;
    while ((length = said(name, text)) >= 0 && strcmp(text, "hang") == 0)
        usleep(STEP_US);
    if (length < 0)
        text[0] = '\0';
    return text[0] == '!' ? atoi(text + 1) : SUCCESS;
}

static int of_device(const char *what, void *device, char *text)
{
    char name[64];
    snprintf(name, sizeof name, "%s-%lu", what, (unsigned long)device - 1);
    return answer(name, text);
}

static int copied(int outcome, const char *text, char *to, unsigned int size)
{
    if (outcome == SUCCESS)
        strncpy(to, text, size); /* as the real one: a name that fills its room has no end */
    return outcome;
}

int nvmlInitWithFlags(unsigned int flags)
{
    char text[MOST];
    (void)flags;
    return answer("initialise", text);
}

int nvmlShutdown(void)
{
    char text[MOST];
    return answer("shutdown", text);
}

const char *nvmlErrorString(int error)
{
    return error == UNKNOWN + 1 ? "\xff\x1b[31m" : "an error of the stub";
}

int nvmlSystemGetDriverVersion(char *version, unsigned int size)
{
    char text[MOST];
    return copied(answer("driver", text), text, version, size);
}

int nvmlDeviceGetCount_v2(unsigned int *count)
{
    char text[MOST];
    int outcome = answer("count", text);
    *count = (unsigned int)strtoul(text, NULL, 10);
    return outcome;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device)
{
    char text[MOST];
    *device = (void *)((unsigned long)index + 1);
    return of_device("handle", *device, text);
}

int nvmlDeviceGetName(void *device, char *name, unsigned int size)
{
    char text[MOST];
    return copied(of_device("name", device, text), text, name, size);
}

int nvmlDeviceGetUtilizationRates(void *device, utilization *rates)
{
    char text[MOST];
    int outcome = of_device("use", device, text);
    rates->gpu = (unsigned int)strtoul(text, NULL, 10);
    rates->memory = 0;
    return outcome;
}
