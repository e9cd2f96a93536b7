/* The two programs of HTCondor's start-up probes, by the name it is called: exit_37 ends with 37, get_user_ns
 * prints the inode of its user namespace.  Linked statically: the image has nothing else in it. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
        struct stat status;

        if (argc < 1 || !strstr(argv[0], "get_user_ns"))
                return 37;
        if (stat("/proc/self/ns/user", &status) < 0)
                return 1;
        printf("%lu\n", (unsigned long) status.st_ino);
        return 0;
}
