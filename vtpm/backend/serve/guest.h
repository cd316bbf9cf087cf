/* What a guest shares with its TPM: a page and an event channel. */
#ifndef VTPM_SERVE_GUEST_H
#define VTPM_SERVE_GUEST_H

/*
 * Maps the page that domain `domid` has granted and binds to the channel that it offers. From then on nothing of another domain can be
 * had by what this process holds open. Ends the program when the guest has not offered them.
 */
void guest_connect(unsigned int domid, unsigned int reference, unsigned int port);

volatile void *guest_page(void);

/* Sleeps until the guest notifies us. It can't do that again before guest_listen(): one that notifies without end delays only itself. */
void guest_await(void);

void guest_notify(void);

void guest_listen(void);

#endif
