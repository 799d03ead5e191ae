JOBS = ()
