"""The joint training step written by hand: the same maths, nothing around it."""

import itertools

import tensorflow as tf

from mtbench.train.feed import Feed


class HandWritten:
    """Embedding tables, rating network, grouped softmax and Adagrad in one `tf.function`."""

    def __init__(self, num_queries: int, num_candidates: int, embedding_dim: int = 32) -> None:
        initial = tf.random.Generator.from_seed(0)
        tables = [[num_queries, embedding_dim], [num_candidates, embedding_dim]]
        self.tables = [tf.Variable(initial.uniform(shape, -0.05, 0.05)) for shape in tables]
        units = [2 * embedding_dim, 256, 128, 1]
        self.dense = [
            (
                tf.Variable(initial.normal([n, m], stddev=(2 / (n + m)) ** 0.5)),
                tf.Variable(tf.zeros([m])),
            )
            for n, m in itertools.pairwise(units)
        ]
        self.variables = [*self.tables, *(v for pair in self.dense for v in pair)]
        self.squares = [tf.Variable(tf.fill(v.shape, 0.1)) for v in self.variables]

    @tf.function(autograph=False, reduce_retracing=True)
    def step(self, batch: dict) -> None:
        """One step on a batch."""
        with tf.GradientTape() as tape:
            users, user_rows = tf.unique(batch["query"])
            movies, movie_rows, counts = tf.unique_with_counts(batch["candidate"])
            user, movie = (
                tf.gather(table, ids)
                for table, ids in zip(self.tables, (users, movies), strict=True)
            )
            user_of, movie_of = tf.gather(user, user_rows), tf.gather(movie, movie_rows)
            output = tf.concat([user_of, movie_of], 1)
            for layer, (kernel, bias) in enumerate(self.dense):
                output = tf.nn.bias_add(tf.matmul(output, kernel), bias)
                output = tf.nn.relu(output) if layer < len(self.dense) - 1 else output
            error = batch["user_rating"][:, tf.newaxis] - output
            scores = tf.matmul(user, movie, transpose_b=True)
            partition = tf.reduce_logsumexp(scores + tf.math.log(tf.cast(counts, tf.float32)), 1)
            positive = tf.reduce_sum(user_of * movie_of, 1)
            retrieval = tf.reduce_sum(tf.gather(partition, user_rows) - positive)
            loss = tf.reduce_mean(tf.square(error)) + retrieval
        gradients = tape.gradient(loss, self.variables)
        for variable, square, gradient in zip(self.variables, self.squares, gradients, strict=True):
            if isinstance(gradient, tf.IndexedSlices):
                rows, values = gradient.indices, gradient.values  # distinct: from tf.unique
                square.scatter_add(tf.IndexedSlices(values**2, rows))
                scale = tf.sqrt(tf.gather(square, rows) + 1e-7)
                variable.scatter_sub(tf.IndexedSlices(0.1 * values / scale, rows))
            else:
                square.assign_add(gradient**2)
                variable.assign_sub(0.1 * gradient / tf.sqrt(square + 1e-7))

    def fit(self, feed: Feed) -> None:
        """All steps of a run."""
        for batch in feed.dataset:
            self.step(batch)
