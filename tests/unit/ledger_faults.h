// SPDX-License-Identifier: Apache-2.0
// A layer under SQLite that makes the n-th file operation fail: the disk is full, a sync fails, a write
// is cut short, a lock is held. It stands in front of the system's own VFS.
#ifndef AZJIT_TESTS_LEDGER_FAULTS_H
#define AZJIT_TESTS_LEDGER_FAULTS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

enum fault { FAULT_FULL, FAULT_SHORT, FAULT_SYNC, FAULT_READ, FAULT_LOCK, FAULT_KINDS };

static struct {
	bool armed;
	bool lasting; // every operation from the n-th on fails, as on a full disk
	enum fault kind;
	int countdown; // fails when it reaches 0
	bool hit;
} faults;

static sqlite3_vfs *real_vfs;

struct faulty_file {
	sqlite3_file base;
	sqlite3_file *real; // behind this struct
};

static inline sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct faulty_file *)file)->real;
}

static inline bool fails(enum fault a, enum fault b)
{
	if (!faults.armed || (faults.kind != a && faults.kind != b))
		return false;
	if (faults.countdown > 0 && --faults.countdown > 0)
		return false;
	if (faults.hit && !faults.lasting)
		return false;
	faults.hit = true;
	return true;
}

static int faulty_close(sqlite3_file *file)
{
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int faulty_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
	if (fails(FAULT_READ, FAULT_READ))
		return SQLITE_IOERR_READ;
	return real_of(file)->pMethods->xRead(real_of(file), bytes, len, at);
}

static int faulty_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
	if (fails(FAULT_FULL, FAULT_SHORT)) {
		if (faults.kind == FAULT_SHORT)
			(void)real_of(file)->pMethods->xWrite(real_of(file), bytes, len / 2, at);
		return SQLITE_FULL;
	}
	return real_of(file)->pMethods->xWrite(real_of(file), bytes, len, at);
}

static int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int faulty_sync(sqlite3_file *file, int flags)
{
	if (fails(FAULT_SYNC, FAULT_SYNC))
		return SQLITE_IOERR_FSYNC;
	return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int faulty_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int faulty_lock(sqlite3_file *file, int lock)
{
	return real_of(file)->pMethods->xLock(real_of(file), lock);
}

static int faulty_unlock(sqlite3_file *file, int lock)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), lock);
}

static int faulty_reserved(sqlite3_file *file, int *result)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int faulty_control(sqlite3_file *file, int op, void *arg)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int faulty_sector(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int faulty_device(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int faulty_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	if (fails(FAULT_READ, FAULT_READ))
		return SQLITE_IOERR_SHMMAP;
	return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, ret);
}

static int faulty_shm_lock(sqlite3_file *file, int at, int count, int flags)
{
	const int exclusive = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE;

	// Shared locks are tried for ten seconds before SQLite believes that somebody holds them.
	if ((flags & exclusive) == exclusive && fails(FAULT_LOCK, FAULT_LOCK))
		return SQLITE_BUSY;
	return real_of(file)->pMethods->xShmLock(real_of(file), at, count, flags);
}

static void faulty_shm_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int faulty_shm_unmap(sqlite3_file *file, int delete)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), delete);
}

static const sqlite3_io_methods faulty_methods = {
        .iVersion = 2,
        .xClose = faulty_close,
        .xRead = faulty_read,
        .xWrite = faulty_write,
        .xTruncate = faulty_truncate,
        .xSync = faulty_sync,
        .xFileSize = faulty_size,
        .xLock = faulty_lock,
        .xUnlock = faulty_unlock,
        .xCheckReservedLock = faulty_reserved,
        .xFileControl = faulty_control,
        .xSectorSize = faulty_sector,
        .xDeviceCharacteristics = faulty_device,
        .xShmMap = faulty_shm_map,
        .xShmLock = faulty_shm_lock,
        .xShmBarrier = faulty_shm_barrier,
        .xShmUnmap = faulty_shm_unmap,
};

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	struct faulty_file *faulty = (struct faulty_file *)file;
	int rc;

	(void)vfs;
	memset(faulty, 0, sizeof(*faulty));
	faulty->real = (sqlite3_file *)(faulty + 1);
	rc = real_vfs->xOpen(real_vfs, name, faulty->real, flags, ret_flags);
	if (faulty->real->pMethods)
		faulty->base.pMethods = &faulty_methods;
	return rc;
}

// From now on every connection that is opened goes through here.
static inline void faults_install(void)
{
	static sqlite3_vfs vfs;

	if (real_vfs)
		return;
	sqlite3_initialize();
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.pNext = NULL;
	vfs.zName = "faulty";
	vfs.szOsFile = real_vfs->szOsFile + (int)sizeof(struct faulty_file);
	vfs.xOpen = faulty_open;
	sqlite3_vfs_register(&vfs, 1);
}

static inline void faults_arm(enum fault kind, int nth, bool lasting)
{
	faults.kind = kind;
	faults.countdown = nth;
	faults.lasting = lasting;
	faults.hit = false;
	faults.armed = true;
}

// True if the fault happened.
static inline bool faults_disarm(void)
{
	faults.armed = false;
	return faults.hit;
}

#endif
