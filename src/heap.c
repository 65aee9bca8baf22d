/*
 * How the C library of GNU systems keeps memory, settled before `main` begins.
 *
 * That library takes large blocks from the system and gives them back when they are freed; but it calls large only what
 * is larger than the largest block freed so far, up to 32 MiB. Every sled segment has tables of 4 and 2 MiB, of which a
 * page or two is ever touched. After the first rotation those of all later ones would come from the heap, be cleared
 * there, and stay: 16 MB more with 10,000 tags. With a fixed threshold, the one the library begins with, they stay
 * untouched and go back.
 *
 * Only the environment and this call can say so; the environment is the operator's, and Rust has no safe form of the
 * call. Other C libraries keep memory in other ways.
 */
#include <malloc.h>

#ifdef __GLIBC__
__attribute__((constructor)) static void settle_heap(void)
{
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}
#endif
