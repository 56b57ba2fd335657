FROM python:3.13-slim AS build
WORKDIR /source
COPY requirements.txt requirements-dev.txt ./
RUN python -m venv /build && /build/bin/pip install --no-cache-dir --require-hashes --requirement requirements-dev.txt
RUN python -m venv /service && /service/bin/pip install --no-cache-dir --require-hashes --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY allocation ./allocation
COPY generated ./generated
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels ./generated/python . \
 && /service/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.13-slim
RUN useradd --create-home --uid 10001 allocation && install --directory --owner allocation /data
COPY --from=build /service /service
USER allocation
WORKDIR /home/allocation
ENV PYTHONUNBUFFERED=1
EXPOSE 50051
ENTRYPOINT ["/service/bin/allocation"]
CMD ["serve"]
