package segue;

import io.delta.storage.HadoopFileSystemLogStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.Arrays;
import java.util.Iterator;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Delta's log on an object store: a commit is created on the condition that there is none of its version yet.
 *
 * <p>Delta's default for S3 (S3SingleDriverLogStore) looks whether the version exists and then writes it, so that of
 * two JVMs the later one replaces the commit of the earlier, and both are told that they have committed. Here the store
 * itself refuses the second (If-None-Match in S3's PUT, which Hadoop's S3A sends from 3.4.2 on).
 */
public class ConditionalLogStore extends HadoopFileSystemLogStore {

  private static final String CONDITION = "fs.option.create.conditional.overwrite";

  public ConditionalLogStore(Configuration configuration) {
    super(configuration);
  }

  @Override
  public void write(Path path, Iterator actions, Boolean overwrite, Configuration configuration) throws IOException {
    FileSystem system = path.getFileSystem(configuration);
    ByteArrayOutputStream lines = new ByteArrayOutputStream();
    while (actions.hasNext()) {
      lines.write(((String) actions.next()).getBytes(StandardCharsets.UTF_8));
      lines.write('\n');
    }
    byte[] content = lines.toByteArray();
    // Checkpoints' pointers (_last_checkpoint) may be replaced, commits never.
    FSDataOutputStreamBuilder builder = system.createFile(path);
    builder.overwrite(overwrite.booleanValue());
    if (!overwrite.booleanValue()) {
      if (system.exists(path)) {
        throw new FileAlreadyExistsException(path.toString());
      }
      builder.must(CONDITION, true);
    }
    try {
      FSDataOutputStream stream = (FSDataOutputStream) builder.build();
      try {
        stream.write(content);
      } finally {
        stream.close();
      }
    } catch (IOException error) {
      if (overwrite.booleanValue() || !system.exists(path)) {
        throw error;
      }
      // A request that S3A has sent again after a lost answer is refused for the commit that the first one made.
      if (!Arrays.equals(content, read(system, path))) {
        throw new FileAlreadyExistsException(path.toString());
      }
    }
  }

  private static byte[] read(FileSystem system, Path path) throws IOException {
    FSDataInputStream stream = system.open(path);
    try {
      return stream.readAllBytes();
    } finally {
      stream.close();
    }
  }

  /** A file of an object store appears when it has been written as a whole. */
  @Override
  public Boolean isPartialWriteVisible(Path path, Configuration configuration) {
    return Boolean.FALSE;
  }
}
