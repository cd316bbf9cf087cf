/* What is left to a process that a guest's bytes pass through: should one of them take it over, it has its own guest, and no other. */
#ifndef VTPM_SERVE_CONFINE_H
#define VTPM_SERVE_CONFINE_H

/* From now on nothing is open but standard input, output and error, whatever the back end forgot to close. */
void confine_files(void);

/* From now on this process is user and group `uid`. */
void confine_user(unsigned int uid);

/* From now on this process ends with its parent, the process `parent`. To be called after confine_user(). */
void confine_life(int parent);

/* From now on this process only reads, writes and controls the files that it has open, looks at the clock and gives way to others; anything else ends it. */
void confine_calls(void);

#endif
