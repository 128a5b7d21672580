import threadpoolctl

from tfcollide.polytope.exact.blas import one_blas_thread


def blas_threads():
    return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]


def test_blas_has_one_thread_inside_and_its_own_number_after():
    with threadpoolctl.threadpool_limits(2, "blas"):
        before = blas_threads()
        with one_blas_thread():
            assert set(blas_threads()) == {1} != set(before)
        assert blas_threads() == before
        assert set(one_blas_thread()(blas_threads)()) == {1}
